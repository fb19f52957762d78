import type { Random } from '#lib/random.js'

/** A chance that repeats itself: the same seed gives the same numbers (mulberry32). */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  return { next, bytes: (size) => Buffer.from(Array.from({ length: size }, () => Math.floor(next() * 256))) }
}

/** A chance that gives these numbers, again and again. */
export function scriptedRandom(...numbers: readonly number[]): Random {
  let index = 0
  return { next: () => numbers[index++ % numbers.length] ?? 0, bytes: (size) => Buffer.alloc(size) }
}
