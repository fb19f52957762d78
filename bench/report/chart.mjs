/** The picture: a bar for each, what a small GET costs. */

import { writeFileSync } from 'node:fs'
import { barChart } from './bars.mjs'
import { written } from './columns.mjs'

const file = new URL('../../docs/performance.svg', import.meta.url)

/** @param {import('./columns.mjs').CaseResult} result of the small GET */
export function writeChart(result) {
  writeFileSync(file, chart(result))
}

/**
 * @param {import('./columns.mjs').CaseResult} result
 * @returns {string}
 */
export function chart({ rows }) {
  const sorted = [...rows].sort((a, b) => a.values.cost - b.values.cost)
  return barChart({
    title: 'CPU time of a small GET, in µs',
    note: 'less is better',
    spoken: 'CPU time of a small GET in microseconds',
    bars: sorted.map(({ name, values }) => ({
      label: name === 'hello' ? 'Node alone, no proxy' : name,
      value: values.cost,
      text: written(values.cost, values.cost < 100 ? 1 : 0),
      kind: kindOf(name),
      strong: name.startsWith('pointsman'),
    })),
  })
}

/**
 * @param {string} name
 * @returns {import('./bars.mjs').Bar['kind']}
 */
function kindOf(name) {
  if (name.startsWith('pointsman')) return 'product'
  if (name === 'hello') return 'floor'
  return name === 'nginx' || name === 'haproxy' ? 'native' : 'node'
}
