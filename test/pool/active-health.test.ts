import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ActiveHealth } from '#lib/pool/active-health.js'
import { parseServer } from '#lib/pool/address.js'
import type { Check, CheckOptions } from '#lib/pool/check.js'
import { ManualClock } from '../support/clock.js'
import { PoolBench, poolRequest, take } from '../support/pool.js'
import { scriptedRandom, seededRandom } from '../support/random.js'

const { address } = parseServer('a')
const options: CheckOptions = {
  path: '/health',
  interval: 10_000,
  timeout: 1000,
  fails: 3,
  passes: 2,
  status: (status) => status === 200,
  statusText: '200',
}

/** One check, with everything that it does written down. */
function bench(asks = true) {
  const clock = new ManualClock()
  const changes: { up: boolean; reason: string }[] = []
  const health = new ActiveHealth({ clock, random: scriptedRandom(0.5), asks: () => asks })
  let done: ((passed: boolean, result: string) => void) | undefined
  const asked: number[] = []
  let cancelled = 0
  const probe = (_: CheckOptions, finish: (passed: boolean, result: string) => void) => {
    asked.push(clock.now())
    done = finish
    return () => {
      cancelled++
    }
  }
  const watcher = { checkChanged: ({ up, reason }: Check) => void changes.push({ up, reason }) }
  const check = health.want('key', address, options, probe, watcher)
  const answer = (passed: boolean): void => {
    // Up to the next one, and its result.
    const before = asked.length
    for (let i = 0; i < 100 && asked.length === before; i++) clock.advance(1000)
    done?.(passed, passed ? 'it answered 200' : 'it answered 500')
  }
  return { clock, changes, health, check, answer, asked, watcher, probe, cancelled: () => cancelled }
}

test('down after three failures in a row, up after two passes in a row', () => {
  const { answer, check, changes } = bench()
  for (const [passed, up] of [
    [true, true],
    [false, true],
    [false, true],
    [true, true],
    [false, true],
    [false, true],
    [false, false],
    [true, false],
    [false, false],
    [true, false],
    [true, true],
  ] as const) {
    answer(passed)
    assert.equal(check.up, up)
  }
  assert.deepEqual(changes, [
    { up: false, reason: '3 checks in a row failed: it answered 500' },
    { up: true, reason: '2 checks in a row passed' },
  ])
})

test('passing and failing in turn never turns it', () => {
  const { answer, check, changes } = bench()
  for (let i = 0; i < 100; i++) answer(i % 2 === 0)
  assert.equal(check.up, true)
  assert.deepEqual(changes, [])
})

test('the first check comes soon, the others at the interval, moved by up to a tenth', () => {
  const clock = new ManualClock()
  const health = new ActiveHealth({ clock, random: seededRandom(3), asks: () => true })
  const asked: number[] = []
  const probe = (_: CheckOptions, done: (passed: boolean, result: string) => void) => {
    asked.push(clock.now())
    done(true, 'it answered 200')
    return () => {}
  }
  health.want('key', address, options, probe, { checkChanged: () => {} })
  clock.advance(1_000_000)
  assert.ok(asked[0]! <= 1000)
  const gaps = asked.slice(1).map((time, at) => time - asked[at]!)
  assert.ok(gaps.length > 80)
  assert.ok(gaps.every((gap) => gap >= 9000 && gap <= 11_000))
  assert.ok(new Set(gaps).size > 50)
})

test('no answer in time is a failure, and the request is given up', () => {
  const { clock, check, cancelled, asked } = bench()
  clock.advance(500)
  assert.equal(asked.length, 1)
  clock.advance(1000)
  assert.equal(cancelled(), 1)
  assert.deepEqual([check.last?.passed, check.last?.result], [false, 'no answer within 1000 ms'])
  clock.advance(9000)
  assert.equal(asked.length, 2)
})

test('a check that nobody wants ends, and one that is wanted again goes on', () => {
  const { clock, health, check, asked, watcher, probe, cancelled, answer } = bench()
  for (let i = 0; i < 3; i++) answer(false)
  health.release(check, watcher)
  assert.equal(health.want('key', address, options, probe, watcher), check)
  health.sweep()
  assert.equal(check.up, false)
  const before = asked.length
  clock.advance(11_000)
  assert.equal(asked.length, before + 1)
  health.release(check, watcher)
  health.sweep()
  assert.equal(cancelled(), 1)
  clock.advance(100_000)
  assert.equal(asked.length, before + 1)
})

test('closed, it asks no more, and hears nothing of what is under way', () => {
  const { clock, health, check, asked } = bench()
  clock.advance(1000)
  health.close()
  clock.advance(100_000)
  assert.equal(asked.length, 1)
  assert.equal(check.last, null)
})

test('a process that does not ask takes the verdicts of one that does', () => {
  const asking = bench()
  const taking = bench(false)
  const told: unknown[] = []
  asking.health.watch((verdict) => {
    told.push(verdict)
    taking.health.apply([verdict])
  })
  for (let i = 0; i < 3; i++) asking.answer(false)
  assert.equal(told.length, 3)
  assert.equal(taking.asked.length, 0)
  assert.equal(taking.check.up, false)
  assert.equal(taking.check.last?.result, 'it answered 500')
  assert.deepEqual(taking.changes, asking.changes)
  taking.health.apply([{ check: 'of another', up: true, reason: '', last: null }])
})

test('a process that asks by itself does not take the verdict of another one', () => {
  const { health, check, changes } = bench()
  health.apply([{ check: 'key', up: false, reason: 'elsewhere it is', last: null }])
  assert.equal(check.up, true)
  assert.deepEqual(changes, [])
})

test('a server that cannot be asked is neither well nor ill, and is asked again later', () => {
  const clock = new ManualClock()
  const health = new ActiveHealth({ clock, random: scriptedRandom(0.5), asks: () => true })
  let asked = 0
  const probe = () => {
    asked++
    return undefined
  }
  const check = health.want('key', address, { ...options, interval: 1000 }, probe, { checkChanged: () => {} })
  for (let i = 0; i < 10; i++) clock.advance(1000)
  assert.ok(asked >= 9)
  assert.equal(check.up, true)
  assert.equal(check.last, null)
  health.close()
  assert.equal(clock.pending, 0)
})

test('a server that is down gets nothing, and comes back', () => {
  const bench = new PoolBench()
  const pool = bench.pool('a b', { healthCheck: '/health', healthFails: 1, healthPasses: 1, failOpen: true })
  bench.clock.advance(3000)
  bench.asked.get('a')!(false, 'it answered 500')
  const hosts = () => Array.from({ length: 4 }, () => take(pool).member.server.address.host).join(' ')
  assert.equal(hosts(), 'b b b b')
  assert.equal(pool.standing(pool.members[0]!), 'down')
  bench.asked.get('b')!(false, 'it answered 500')
  assert.equal(pool.lease(poolRequest(), new Set()), 'none')
  assert.match(pool.describe(), /a.* down, .*b.* down/)
  bench.clock.advance(29_000)
  bench.asked.get('a')!(true, 'it answered 200')
  assert.equal(hosts(), 'a a a a')
  assert.deepEqual(
    bench.changes.map(({ server, to }) => `${server} ${to}`),
    ['http://a:80 down', 'http://b:80 down', 'http://a:80 up'],
  )
})

test('two pools with the same check share it, with another one they do not', () => {
  const bench = new PoolBench()
  const health = { healthCheck: '/health', healthFails: 1 }
  const [one, two, other] = [
    bench.pool('a', health),
    bench.pool('a', health),
    bench.pool('a', { ...health, healthCheck: '/other' }),
  ]
  assert.equal(one.members[0]!.check, two.members[0]!.check)
  assert.notEqual(one.members[0]!.check, other.members[0]!.check)
  one.close()
  bench.checks.sweep()
  assert.equal(bench.checks.verdicts.length, 2)
  two.close()
  bench.checks.sweep()
  assert.equal(bench.checks.verdicts.length, 1)
})

test('each pool tells of its own check; a server that was taken out stays out', () => {
  const bench = new PoolBench()
  const health = { healthFails: 1, healthPasses: 1, attemptsCount: 1 }
  const one = bench.pool('a', { ...health, healthFails: 100, healthCheck: '/one' })
  const two = bench.pool('a', { ...health, healthCheck: '/two' })
  bench.clock.advance(3000)
  bench.asked.get('a')!(false, 'it answered 500')
  assert.deepEqual([one.members[0]!.state, two.members[0]!.state], ['up', 'down'])
  assert.equal(bench.changes.length, 1)
  two.setAdmin(two.members[0]!, 'disabled')
  bench.clock.advance(29_000)
  bench.asked.get('a')!(true, 'it answered 200')
  assert.equal(two.members[0]!.state, 'disabled')
  assert.equal(bench.changes.length, 1)
})
