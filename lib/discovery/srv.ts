/** What SRV records say about the servers of a service (RFC 2782). */

import type { SrvRecord } from './message.js'

/** A record, with its weight as this proxy has weights. */
export interface Weighted {
  readonly record: SrvRecord
  /** From 1 to 1000. */
  readonly weight: number
  /** Its priority is not the lowest number. */
  readonly backup: boolean
}

/** What a weight of 0 counts for beside others: RFC 2782 wants "a very small chance". */
const leastShare = 1 / 100
const heaviest = 1000

/** The records, the most preferred first. Weights count among records of one priority. */
export function rankRecords(records: readonly SrvRecord[]): readonly Weighted[] {
  const priorities = [...new Set(records.map(({ priority }) => priority))].sort((a, b) => a - b)
  return priorities.flatMap((priority, rank) => {
    const group = records.filter((record) => record.priority === priority)
    const weights = scaleWeights(group.map(({ weight }) => weight))
    return group.map((record, index) => ({ record, weight: weights[index]!, backup: rank > 0 }))
  })
}

/**
 * Weights from 0 to 65535 as weights from 1 to 1000 in the same proportions, as small as they can be: a name server that
 * deals out 100 among its servers changes nothing for those that stay when their number changes.
 */
export function scaleWeights(weights: readonly number[]): readonly number[] {
  const divisor = weights.reduce(greatestCommonDivisor, 0)
  if (divisor === 0) return weights.map(() => 1)
  const reduced = weights.map((weight) => weight / divisor)
  const wanted = reduced.includes(0) ? 1 / leastShare : 1
  const factor = Math.min(wanted, heaviest / Math.max(...reduced))
  return reduced.map((weight) => Math.max(1, Math.round(weight * factor)))
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b)
}
