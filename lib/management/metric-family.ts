import type { Metric, Registry } from 'prom-client'
import { bucketBounds, type DurationCounts } from '../pool/durations.js'

/** Every second bound, 0.25 ms to 262 s: bounds that double are near enough for plots, and half the lines. */
const bounds: readonly { readonly index: number; readonly le: number }[] = bucketBounds
  .map((bound, index) => ({ index, le: bound / 1000 }))
  .filter(({ index }) => index % 2 === 0)

export type Labels = Readonly<Record<string, string | number>>

const none: Labels = {}

/** A line of the output, as a registry takes it. */
interface Sample {
  readonly metricName: string
  readonly labels: Labels
  /** The registry makes the text of an object here once, in however many samples it stands. */
  readonly sharedLabels: Labels
  readonly value: number
}

/**
 * A metric whose values were counted elsewhere. Those of prom-client count by themselves: a counter or a histogram
 * cannot be given a count.
 */
export class MetricFamily {
  readonly name: string
  readonly help: string
  readonly type: 'gauge' | 'counter' | 'histogram'
  readonly #samples: Sample[] = []

  constructor(registry: Registry, type: MetricFamily['type'], name: string, help: string) {
    this.type = type
    this.name = `pointsman_${name}`
    this.help = help
    // All that a registry asks of a metric is its name and `get()`; its types know prom-client's own classes alone.
    registry.registerMetric(this as unknown as Metric)
  }

  /** Adds a sample. `labels`: what it has in common with others; `own`: what it has beside that. */
  add(labels: Labels, value: number, own: Labels = none): void {
    this.#push('', labels, own, value)
  }

  /** Adds the samples of a histogram in seconds. */
  addDurations(labels: Labels, { count, sum, buckets }: DurationCounts): void {
    let below = 0
    let next = 0
    for (const { index, le } of bounds) {
      while (next <= index) below += buckets[next++] ?? 0
      this.#push('_bucket', labels, { le }, below)
    }
    this.#push('_bucket', labels, { le: '+Inf' }, count)
    this.#push('_sum', labels, none, sum / 1000)
    this.#push('_count', labels, none, count)
  }

  get(): Promise<{ name: string; help: string; type: string; values: readonly Sample[] }> {
    return Promise.resolve({ name: this.name, help: this.help, type: this.type, values: this.#samples })
  }

  #push(suffix: string, sharedLabels: Labels, labels: Labels, value: number): void {
    this.#samples.push({ metricName: this.name + suffix, labels, sharedLabels, value })
  }
}
