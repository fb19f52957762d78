/** What docs/scaling.md says about the simulation has to be what its tables say. */

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { root } from './snippets.js'

const page = readFileSync(`${root}docs/scaling.md`, 'utf8')
const prose = page.slice(0, page.indexOf('## All results'))

/** The cells of a section's table, its head first. */
function tableOf(section: string): string[][] {
  const text = new RegExp(`<!-- ${section} -->\n([^]*?)<!-- end of ${section} -->`).exec(page)?.[1] ?? ''
  const lines = text.split('\n').filter((line) => line.startsWith('| '))
  return lines.map((line) => line.slice(2, -2).split(' | '))
}

/** The number in one column of the row that begins with these labels. */
function cell(section: string, labels: readonly string[], column: string): number {
  const [head, ...rows] = tableOf(section)
  const row = rows.find((each) => labels.every((label, at) => each[at] === label))
  const text = row?.[head?.indexOf(column) ?? -1]
  assert.ok(text !== undefined, `${section} has no ${column} of ${labels.join(', ')}`)
  return Number(text.replaceAll(' ', ''))
}

function assertSaid(...parts: readonly string[]): void {
  for (const part of parts) assert.ok(prose.includes(part), `the page does not say "${part}"`)
}

test('every scenario has its table', () => {
  const sections = 'theory load proxies lists slow broken rolling cold keys moves'.split(' ')
  for (const section of sections) assert.ok(tableOf(section).length > 4, section)
})

test('the model is near to theory', () => {
  const [head, ...rows] = tableOf('theory')
  const at = head?.indexOf('difference %') ?? -1
  for (const row of rows) assert.ok(Math.abs(Number(row[at])) < 8, row.join())
})

test('what is said of load, proxies and lists is what was simulated', () => {
  const p99 = (section: string, ...labels: string[]) => cell(section, labels, 'p99 ms')
  const loaded = (name: string) => p99('load', 'log-normal', '85 %', name)
  assertSaid(
    `the slowest hundredth takes ${loaded('Random-Two')} ms, with Round-Robin ${loaded('Round-Robin')} and with Random ${loaded('Random')}; the work alone would be ${p99('load', 'log-normal', '', 'No waiting')}`,
    `${Math.min(loaded('Hash'), loaded('Source-Hash'), loaded('Consistent-Hash'))} ms and more at 85 %`,
    `(p99 ${p99('proxies', '1', 'Least-Connections')} ms with one and with four)`,
    `with Random-Two (${p99('proxies', '1', 'Random-Two')} and ${p99('proxies', '4', 'Random-Two')})`,
    `Least-Connections ${p99('lists', '50', 'Least-Connections')} ms instead of ${p99('proxies', '100', 'Least-Connections')}, Random-Two ${p99('lists', '50', 'Random-Two')} instead of ${p99('proxies', '100', 'Random-Two')}`,
  )
  assert.equal(p99('proxies', '1', 'Least-Connections'), p99('proxies', '4', 'Least-Connections'))
})

test('what is said of slow and broken servers is what was simulated', () => {
  const slow = (name: string) => (cell('slow', [name], 'p99 ms') / 1000).toFixed(1)
  const failed = (name: string, entry: string) => cell('broken', [name, '1 × 10', entry], 'failed %')
  assertSaid(
    `the slowest hundredth of all requests takes ${slow('Round-Robin')} s`,
    `the slowest hundredth takes ${slow('Peak-EWMA')} s`,
    `its p99 is ${cell('broken', ['First-Alive', '1 × 10', 'defaults'], 'p99 ms')} ms where that of Round-Robin is ${cell('broken', ['Round-Robin', '1 × 10', 'defaults'], 'p99 ms')}`,
    `it is worth ${Math.round(failed('Least-Connections', 'defaults'))} % of all requests`,
    `to Random-Two ${Math.round(failed('Random-Two', 'defaults'))} %, to Peak-EWMA ${Math.round(failed('Peak-EWMA', 'defaults'))} %`,
    `keeps away: ${failed('Peak-EWMA', 'FailStatus, HighAvailability Off').toFixed(2)} % of the requests`,
  )
  assert.ok(cell('slow', ['Peak-EWMA'], 'load of these %') < 50, 'less than half of what they could')
  assert.equal(slow('Random-Two, with weights'), slow('Peak-EWMA'), 'the same')
})

test('what is said of restarts is what was simulated', () => {
  const cold = (column: string) => cell('cold', ['100 %', 'Round-Robin'], column)
  const resting = (time: string) => Math.round(cell('rolling', ['10', time, 'Random-Two'], 'offline %'))
  assertSaid(
    `takes ${cold('p99 ms in the second after')} ms in the first second, against ${cold('p99 ms before')} before`,
    `Random-Two avoids ${resting('60 s')} % of the servers`,
    `instead of 60 s it is ${resting('0.2 s')} %`,
  )
  const [head, ...rows] = tableOf('rolling')
  for (const row of rows) assert.equal(Number(row[head?.indexOf('failed %') ?? -1]), 0, 'none fails')
})

test('what is said of keys is what was simulated', () => {
  const moved = (name: string) => cell('moves', ['is taken off the list', name], 'keys moved %').toFixed(1)
  assertSaid(`Consistent-Hash moves the ${moved('Consistent-Hash')} %`, `Hash and Source-Hash move ${moved('Hash')} %`)
  assert.equal(moved('Source-Hash'), moved('Hash'))
  const hottest = cell('keys', ['0.6', 'Hash'], 'hottest key %')
  assert.ok(hottest > 270 && hottest < 300, 'almost three times')
})

test('the pictures that the page shows can be read in light and in dark', () => {
  const pictures = [...page.matchAll(/!\[[^\]]+\]\((scaling\/\w+\.svg)\)/g)].map(([, file]) => file!)
  assert.equal(pictures.length, 4)
  for (const file of pictures) {
    const picture = readFileSync(`${root}docs/${file}`, 'utf8')
    assert.match(picture, /^<svg .*role="img" aria-label="[^"]+">/)
    assert.match(picture, /@media \(prefers-color-scheme: dark\)/)
    assert.doesNotMatch(picture, /NaN|undefined|Infinity/)
  }
})
