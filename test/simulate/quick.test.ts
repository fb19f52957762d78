import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { balancerNames } from '#lib/balancers/registry.js'
import { cell, quickRun, type Results } from './program.js'

let results: Results = new Map()

before(() => {
  results = quickRun()
})

test('the same seed gives the same numbers, in whatever order the scenarios run; another seed others', () => {
  const again = quickRun('--scenario', 'cold,proxies')
  assert.deepEqual([...again.keys()].sort(), ['cold', 'proxies'])
  for (const [name, rows] of again) assert.deepEqual(rows, results.get(name))
  assert.notDeepEqual(quickRun('--scenario', 'proxies', '--seed', '2').get('proxies'), results.get('proxies'))
})

test('every balancer takes part, and all that share the load in the comparison by load', () => {
  assert.deepEqual(new Set(results.get('broken')?.map(({ labels }) => labels[0])), new Set(balancerNames()))
  const seen = new Set(results.get('load')?.map(({ labels }) => labels.at(-1)))
  seen.delete('No waiting')
  assert.deepEqual(
    [...seen].sort(),
    balancerNames()
      .filter((name) => name !== 'First-Alive')
      .sort(),
  )
})

test('nobody is faster than the work itself', () => {
  const rows = results.get('load')
  const least = cell(rows, ['log-normal', 'No waiting'], 'p50')
  for (const { labels, values } of rows ?? []) {
    // The median of some thousand requests is not exact.
    if (labels[0] === 'log-normal') assert.ok(values.p50! > 0.95 * least, labels.join())
  }
})

test('of two random servers the less busy one: shorter lines than at random, the more so the more a proxy sees', () => {
  const longest = (...labels: string[]) => cell(results.get('proxies'), labels, 'longest')
  assert.ok(longest('1', 'Random-Two') < longest('1', 'Random') / 2)
  assert.ok(longest('4', 'Random-Two') < longest('4', 'Random') / 2)
  assert.ok(longest('1', 'Random-Two') < longest('4', 'Random-Two'))
})

test('slow servers get less from a balancer that looks at how busy they are, and least from Peak-EWMA', () => {
  const share = (name: string) => cell(results.get('slow'), [name], 'share')
  assert.ok(share('Random-Two') < 0.8 * share('Random'))
  assert.ok(share('Peak-EWMA') < share('Random-Two'))
  assert.ok(cell(results.get('slow'), ['Peak-EWMA'], 'p99') < cell(results.get('slow'), ['Random'], 'p99') / 2)
})

test('a server that fails fast draws requests to itself until its failures count', () => {
  const share = (name: string, entry: string) => cell(results.get('broken'), [name, '1 × 10', entry], 'share')
  assert.ok(share('Least-Connections', 'defaults') > 2)
  assert.ok(Math.abs(share('Round-Robin', 'defaults') - 1) < 0.05)
  assert.ok(share('Peak-EWMA', 'FailStatus, HighAvailability Off') < 0.1)
  for (const name of ['Round-Robin', 'Least-Connections', 'Random']) assert.ok(share(name, 'FailStatus') < 0.1, name)
})

test('a rolling restart costs no request', () => {
  for (const { labels, values } of results.get('rolling') ?? []) {
    assert.ok(values.refused! > 0, labels.join())
    assert.equal(values.failed, 0, labels.join())
  }
})

test('a server that leaves the list moves its own keys with Consistent-Hash, and nearly all with Hash', () => {
  const moved = (name: string) => cell(results.get('moves'), ['is taken off the list', name], 'moved')
  assert.ok(moved('Consistent-Hash') > 0.5 && moved('Consistent-Hash') < 2)
  assert.ok(moved('Hash') > 95)
  assert.ok(cell(results.get('moves'), ['rests, or is disabled', 'Hash'], 'moved') < 2)
})

test('what is not known is refused, with what there is', () => {
  const program = fileURLToPath(new URL('../../simulate/main.mjs', import.meta.url))
  for (const args of [['--scenario', 'none'], ['--seed', 'x'], ['--fast']]) {
    const { status, stderr } = spawnSync(process.execPath, [program, ...args], { encoding: 'utf8' })
    assert.equal(status, 1)
    assert.match(stderr, /--scenario NAMES/)
  }
})
