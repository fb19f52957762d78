/** The pictures of docs/scaling.md. */

import { mkdirSync, writeFileSync } from 'node:fs'
import { barChart } from '../../bench/report/bars.mjs'
import { written } from '../../bench/report/columns.mjs'
import { lineChart } from './lines.mjs'

const folder = new URL('../../docs/scaling/', import.meta.url)
const shown = ['Random', 'Round-Robin', 'Least-Connections', 'Random-Two', 'Peak-EWMA', 'Consistent-Hash']
const knowing = ['Random', 'Round-Robin', 'Least-Connections', 'Random-Two', 'Peak-EWMA']

/** @typedef {import('../main.mjs').Result} Result */

/** @type {Record<string, (result: Result, report: import('../main.mjs').Report) => string>} */
const pictures = { load, proxies, slow, cold }

/** @param {import('../main.mjs').Report} report */
export function writePictures(report) {
  mkdirSync(folder, { recursive: true })
  for (const result of report.results) {
    const draw = pictures[result.name]
    if (draw !== undefined) writeFileSync(new URL(`${result.name}.svg`, folder), draw(result, report))
  }
}

/** The rows of a balancer, as points. */
function lineOf({ rows }, label, x, column) {
  const own = rows.filter(({ labels }) => labels.at(-1) === label)
  return { label, points: own.map((row) => /** @type {const} */ ([x(row), row.values[column] ?? 0])) }
}

function sizeOf({ proxies, servers }) {
  return `${proxies} proxies, ${written(servers, 0)} servers`
}

function load(result, report) {
  const rows = result.rows.filter(({ labels }) => labels[0] === 'log-normal' && labels[1] !== '')
  return lineChart({
    title: 'The slowest hundredth of the requests, by load',
    note: `${sizeOf(report)}; less is better`,
    spoken: 'p99 latency in milliseconds by load, a line for each balancer',
    x: { label: 'load, % of what the servers can do', ticks: [50, 60, 70, 80, 90, 95] },
    y: { label: 'p99 latency, ms (logarithmic)', logarithmic: true, ticks: [150, 200, 300, 400, 600, 800] },
    lines: shown.map((name) => lineOf({ rows }, name, ({ labels }) => Number.parseFloat(labels[1]), 'p99')),
    dots: true,
  })
}

function proxies(result, report) {
  return lineChart({
    title: 'The same load, by the number of proxies',
    note: `${written(report.servers, 0)} servers, load 85 %; less is better`,
    spoken: 'p99 latency in milliseconds by the number of proxies, a line for each balancer',
    x: { label: 'proxies that do not know of each other (logarithmic)', logarithmic: true, ticks: [1, 4, 20, 100] },
    y: { label: 'p99 latency, ms', ticks: [150, 200, 250, 300, 350, 400] },
    lines: knowing.map((name) => lineOf(result, name, ({ labels }) => Number(labels[0]), 'p99')),
    dots: true,
  })
}

function slow(result) {
  return barChart({
    title: 'What slow servers get, % of what they can do',
    note: 'above 100 their lines grow',
    spoken: 'Load of the slow servers in percent of what they can do',
    bars: result.rows.map(({ labels, values }) => ({
      label: labels[0],
      value: values.capacity ?? 0,
      text: written(values.capacity, 0),
      kind: (values.capacity ?? 0) < 100 ? 'product' : 'node',
    })),
  })
}

function cold(result, report) {
  const rows = result.rows.filter(({ labels }) => labels[0] === '100 %')
  return lineChart({
    title: 'The fullest server, when all proxies start at once',
    note: `${sizeOf(report)}, load 70 %; less is better`,
    spoken: 'Requests at the fullest server over time, a line for each balancer',
    x: { label: 'ms after the start', ticks: [-200, 0, 200, 400, 600, 800] },
    y: { label: 'requests at the fullest server', ticks: [0, 20, 40, 60, 80, 100, 120] },
    lines: knowing.map((name) => ({
      label: name,
      points: (rows.find(({ labels }) => labels[1] === name)?.looks ?? [])
        .filter(({ time }) => time >= -200 && time <= 800)
        .map(({ time, longest }) => /** @type {const} */ ([time, longest])),
    })),
  })
}
