/** The picture: a bar for each, what a small GET costs. */

import { writeFileSync } from 'node:fs'
import { written } from './columns.mjs'

const file = new URL('../../docs/performance.svg', import.meta.url)
const width = 820
const left = 245
const right = 70
const rowHeight = 30
const top = 52

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
  const most = Math.max(...sorted.map(({ values }) => values.cost))
  const height = top + sorted.length * rowHeight + 18
  const bars = sorted.map((row, at) => bar(row, top + at * rowHeight, (width - left - right) / most))
  const spoken = sorted.map(({ name, values }) => `${label(name)} ${written(values.cost, 0)}`).join(', ')
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="system-ui, sans-serif" font-size="14" role="img" aria-label="CPU time of a small GET in microseconds: ${spoken}">
  <style>
    .back { fill: #fbfcfd } text { fill: #1c2733 } .small { font-size: 12.5px; fill: #4a5866 }
    .product { fill: #2f7d4f } .node { fill: #8fa1b3 } .native, .floor { fill: #c3ccd6 } .strong { font-weight: 600 }
    @media (prefers-color-scheme: dark) {
      .back { fill: #14191f } text { fill: #e4eaf0 } .small { fill: #a3b1bf }
      .product { fill: #4cae75 } .node { fill: #6b7d90 } .native, .floor { fill: #414d5a }
    }
  </style>
  <rect class="back" width="${width}" height="${height}" rx="10"/>
  <text class="strong" x="20" y="26">CPU time of a small GET, in µs</text>
  <text class="small" x="${width - 20}" y="26" text-anchor="end">less is better</text>
${bars.join('\n')}
</svg>
`
}

function bar({ name, values }, y, scale) {
  const text = written(values.cost, values.cost < 100 ? 1 : 0)
  const length = Math.max(2, Math.round(values.cost * scale * 10) / 10)
  const strong = name.startsWith('pointsman') ? ' class="strong"' : ''
  return `  <text${strong} x="${left - 10}" y="${y + 17}" text-anchor="end">${label(name)}</text><rect class="${kindOf(name)}" x="${left}" y="${y + 3}" width="${length}" height="20" rx="3"/><text${strong} x="${left + length + 8}" y="${y + 17}">${text}</text>`
}

/** @param {string} name */
function kindOf(name) {
  if (name.startsWith('pointsman')) return 'product'
  if (name === 'hello') return 'floor'
  return name === 'nginx' || name === 'haproxy' ? 'native' : 'node'
}

function label(name) {
  return name === 'hello' ? 'Node alone, no proxy' : name
}
