import type { Balancer, Candidate } from './balancer.js'

/** Always the first candidate of the list; the others are there in case it fails. */
class FirstAlive implements Balancer {
  pick(candidates: readonly Candidate[]): Candidate | undefined {
    return candidates[0]
  }
}

/** Makes a `First-Alive` balancer. */
export function createFirstAlive(): Balancer {
  return new FirstAlive()
}
