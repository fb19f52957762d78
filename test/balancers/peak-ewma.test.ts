import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createPeakEwma } from '#lib/balancers/peak-ewma.js'
import { PeakLatency } from '#lib/balancers/peak-latency.js'
import { make, request, servers, type TestServer, tally } from '../support/candidates.js'

test('latency: a peak counts at once, a fall slowly', () => {
  const latency = new PeakLatency()
  const at = (now: number) => Math.round(latency.cost(0, 1, now))
  latency.answered(100, 0)
  assert.equal(at(0), 100)
  latency.answered(500, 0)
  assert.equal(at(0), 500, 'the peak')
  latency.answered(100, 0)
  assert.equal(at(0), 500, 'no time has passed')
  latency.answered(100, 10_000)
  assert.equal(at(10_000), Math.round(500 / Math.E + 100 * (1 - 1 / Math.E)))
  assert.equal(at(100_000), 0, 'what is not asked is forgotten')
})

test('latency: cost grows with load and falls with weight', () => {
  const latency = new PeakLatency()
  latency.answered(100, 0)
  assert.equal(latency.cost(3, 1, 0), 400)
  assert.equal(latency.cost(3, 2, 0), 200)
})

test('latency: an unknown server is free once', () => {
  const latency = new PeakLatency()
  assert.equal(latency.cost(5, 1, 0), 0, 'requests of other pools tell nothing')
  latency.started()
  assert.equal(latency.cost(0, 1, 0), 1000)
  latency.finished()
  assert.equal(latency.cost(0, 1, 0), 0)
})

test('latency: failures count as slow, and more so in a row', () => {
  const latency = new PeakLatency()
  latency.answered(5, 0)
  latency.failed(1, 0)
  assert.equal(latency.cost(0, 1, 0), 1000)
  latency.failed(1, 0)
  assert.equal(latency.cost(0, 1, 0), 2000)
  latency.failed(5000, 0)
  assert.equal(latency.cost(0, 1, 0), 5000)
  for (let count = 0; count < 10; count++) latency.failed(1, 0)
  assert.equal(latency.cost(0, 1, 0), 60_000)
})

/** One request at a time, 10 ms apart; `answer` says how each server answers. */
function run(list: readonly TestServer[], count: number, answer: (id: string) => { latency: number; failed: boolean }) {
  const balancer = make(createPeakEwma)
  return tally(count, () => {
    balancer.clock.advance(10)
    const server = balancer.pick(list, request(list.length)) as TestServer
    server.active++
    balancer.started?.(server)
    balancer.answered?.(server, answer(server.id))
    server.active--
    balancer.finished?.(server)
    return server
  })
}

test('ratio: equal servers get equal shares', () => {
  const counts = run(servers('a b c d'), 10_000, () => ({ latency: 20, failed: false }))
  for (const count of counts.values()) assert.ok(Math.abs(count - 2500) < 250, [...counts].join(' '))
})

test('a slow server gets less', () => {
  const counts = run(servers('a b c d'), 10_000, (id) => ({ latency: id === 'd' ? 200 : 20, failed: false }))
  assert.ok(counts.get('d')! < 300, [...counts].join(' '))
})

test('a server that fails fast attracts nothing', () => {
  const counts = run(servers('a b c d'), 10_000, (id) => ({ latency: id === 'd' ? 1 : 20, failed: id === 'd' }))
  assert.ok(counts.get('d')! < 100, [...counts].join(' '))
})

test('churn: a server that is healed gets its share again', () => {
  let broken = true
  let asked = 0
  const counts = run(servers('a b'), 20_000, (id) => {
    if (id !== 'b') return { latency: 20, failed: false }
    if (asked++ > 0) broken = false
    return { latency: 20, failed: broken }
  })
  assert.ok(counts.get('b')! > 7000, [...counts].join(' '))
})
