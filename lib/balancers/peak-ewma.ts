import type { Clock } from '../clock.js'
import type { Balancer, BalancerContext, BalancerRequest, Candidate, Outcome } from './balancer.js'
import { PeakLatency } from './peak-latency.js'
import { TwoChoices } from './two-choices.js'

/** Of two random servers the one where a further request is likely to be answered sooner. */
class PeakEwma implements Balancer {
  readonly #clock: Clock
  readonly #choices: TwoChoices
  readonly #latencies = new WeakMap<Candidate, PeakLatency>()

  constructor({ clock, random }: BalancerContext) {
    this.#clock = clock
    this.#choices = new TwoChoices(random, (server) =>
      this.#latency(server).cost(server.active, server.weight, clock.now()),
    )
  }

  pick(candidates: readonly Candidate[], request: BalancerRequest): Candidate | undefined {
    return this.#choices.pick(candidates, request)
  }

  started(server: Candidate): void {
    this.#latency(server).started()
  }

  answered(server: Candidate, { latency, failed }: Outcome): void {
    const known = this.#latency(server)
    if (failed) known.failed(latency, this.#clock.now())
    else known.answered(latency, this.#clock.now())
  }

  finished(server: Candidate): void {
    this.#latency(server).finished()
  }

  #latency(server: Candidate): PeakLatency {
    let latency = this.#latencies.get(server)
    if (latency === undefined) {
      latency = new PeakLatency()
      this.#latencies.set(server, latency)
    }
    return latency
  }
}

/** Makes a `Peak-EWMA` balancer. */
export function createPeakEwma(context: BalancerContext): Balancer {
  return new PeakEwma(context)
}
