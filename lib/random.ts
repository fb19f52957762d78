import { randomBytes } from 'node:crypto'

/**
 * Chance, passed in wherever something is drawn, so that tests can state exact sequences.
 * No other file of the library draws by itself.
 */
export interface Random {
  /** A number from 0 (included) to 1 (excluded), for balancing and jitter; not for secrets. */
  next(): number
  /** `size` bytes that nobody can guess. */
  bytes(size: number): Buffer
}

/** A whole number from 0 (included) to `limit` (excluded). */
export function randomBelow(random: Random, limit: number): number {
  return Math.floor(random.next() * limit)
}

/** The chance of the machine. */
export const systemRandom: Random = {
  next: () => Math.random(),
  bytes: (size) => randomBytes(size),
}
