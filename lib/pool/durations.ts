/**
 * Durations, counted into buckets whose bounds grow by the square root of two: a percentile is known to within a few
 * per cent, counts of several processes can be added, and a duration costs one logarithm and two additions.
 */

/** Milliseconds. */
const smallest = 0.25
const bucketCount = 42

/** The upper bounds of the buckets in milliseconds, ¼ ms to 4 minutes; what is longer falls into one more bucket. */
export const bucketBounds: readonly number[] = Array.from({ length: bucketCount }, (_, i) => smallest * 2 ** (i / 2))

/** Durations as they were counted: how many fell into which bucket. */
export interface DurationCounts {
  readonly count: number
  /** Milliseconds. */
  readonly sum: number
  /** One for each of {@link bucketBounds}, and one for what is longer. */
  readonly buckets: readonly number[]
}

/** A running count. */
export class Durations implements DurationCounts {
  count = 0
  sum = 0
  readonly buckets: number[] = new Array<number>(bucketCount + 1).fill(0)

  /** Counts one, in milliseconds. */
  observe(duration: number): void {
    const at = duration <= smallest ? 0 : Math.min(bucketCount, Math.ceil(2 * Math.log2(duration / smallest) - 1e-9))
    this.buckets[at]!++
    this.count++
    this.sum += duration
  }

  /** The counts as they are now. */
  snapshot(): DurationCounts {
    return { count: this.count, sum: this.sum, buckets: [...this.buckets] }
  }
}

/** No durations. */
export function noDurations(): DurationCounts {
  return new Durations().snapshot()
}

/** What was counted in two places. */
export function addDurations(a: DurationCounts, b: DurationCounts): DurationCounts {
  return { count: a.count + b.count, sum: a.sum + b.sum, buckets: a.buckets.map((n, i) => n + (b.buckets[i] ?? 0)) }
}

/** What was counted between two looks at the same count. */
export function subtractDurations(now: DurationCounts, before: DurationCounts): DurationCounts {
  return {
    count: now.count - before.count,
    sum: now.sum - before.sum,
    buckets: now.buckets.map((n, i) => n - (before.buckets[i] ?? 0)),
  }
}

/**
 * The duration in milliseconds that the given share (0 to 1) did not exceed, interpolated within its bucket; null when
 * nothing was counted.
 */
export function percentile({ count, buckets }: DurationCounts, share: number): number | null {
  if (count === 0) return null
  const wanted = share * count
  let below = 0
  for (const [i, n] of buckets.entries()) {
    if (n > 0 && below + n >= wanted) {
      const lower = i === 0 ? 0 : bucketBounds[i - 1]!
      const upper = bucketBounds[i] ?? lower * Math.SQRT2
      return lower + (upper - lower) * ((wanted - below) / n)
    }
    below += n
  }
  return bucketBounds.at(-1)!
}
