import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Channel, type Port } from '#lib/cluster/channel.js'
import { ChangeError } from '#lib/forward/control.js'
import { ManualClock } from '../support/clock.js'

/** Two ends of a wire; `cut` ends it. */
function wire(): {
  ends: [Channel, Channel]
  clock: ManualClock
  cut: () => void
  sent: unknown[]
  inject: (value: unknown) => void
} {
  const clock = new ManualClock()
  const receivers: ((message: unknown) => void)[] = []
  const closers: (() => void)[] = []
  const sent: unknown[] = []
  const port = (to: number): Port => ({
    send: (message) => {
      sent.push(message)
      const copy = JSON.parse(JSON.stringify(message))
      queueMicrotask(() => receivers[to]?.(copy))
    },
    onMessage: (listener) => void receivers.push(listener),
    onClose: (listener) => void closers.push(listener),
  })
  return {
    ends: [new Channel(port(1), clock), new Channel(port(0), clock)],
    clock,
    sent,
    cut: () => void closers.map((close) => close()),
    inject: (value) => receivers[0]?.(value),
  }
}

const change = { kind: 'server', server: 's', weight: 2 } as const
const result = { changed: true, servers: [] }

test('a request is answered, and no timer is left', async () => {
  const { ends, clock } = wire()
  ends[1].answer('change', async (asked) => {
    assert.deepEqual(asked, change)
    return result
  })
  assert.deepEqual(await ends[0].request('change', change, 1000), result)
  assert.equal(clock.pending, 0)
})

test('answers find their requests, in whatever order they come', async () => {
  const { ends } = wire()
  const waiting: (() => void)[] = []
  ends[1].answer('change', (asked) => {
    const { weight } = asked as typeof change
    return new Promise((resolve) =>
      waiting.push(() => resolve({ changed: true, servers: [{ pool: 'a', server: `${weight}` }] })),
    )
  })
  const both = [1, 2].map((weight) => ends[0].request('change', { ...change, weight }, 1000))
  await Promise.resolve()
  await new Promise((resolve) => setImmediate(resolve))
  for (const answer of waiting.reverse()) answer()
  assert.deepEqual(
    (await Promise.all(both)).map(({ servers }) => servers[0]?.server),
    ['1', '2'],
  )
})

test('what the handler throws arrives: a ChangeError as such, others with code and message', async () => {
  const { ends } = wire()
  ends[1].answer('change', async () => {
    throw new ChangeError('not-found', 'no server s')
  })
  ends[1].answer('start', async () => {
    throw Object.assign(new Error('in use'), { code: 'ERR_LISTEN' })
  })
  await assert.rejects(ends[0].request('change', change, 1000), (error: ChangeError) => {
    assert.ok(error instanceof ChangeError)
    return error.code === 'not-found' && error.message === 'no server s'
  })
  const picture = { configuration: {}, changes: [], verdicts: [], experiences: [] }
  await assert.rejects(ends[0].request('start', picture, 1000), {
    name: 'RefusedError',
    code: 'ERR_LISTEN',
    message: 'in use',
  })
  await assert.rejects(ends[0].request('stop', { timeout: 1 }, 1000), {
    name: 'RefusedError',
    message: '"stop" is not known here',
  })
})

test('silence ends a request after its time, and a late answer does no harm', async () => {
  const { ends, clock } = wire()
  let late = (): void => {}
  ends[1].answer('change', () => new Promise((resolve) => (late = () => resolve(result))))
  const request = ends[0].request('change', change, 1000)
  await new Promise((resolve) => setImmediate(resolve))
  clock.advance(999)
  clock.advance(1)
  await assert.rejects(request, { name: 'NoAnswerError', message: /"change" within 1000 ms/ })
  late()
  await new Promise((resolve) => setImmediate(resolve))
})

test('an answer of the wrong shape is none', async () => {
  const { ends } = wire()
  ends[1].answer('change', async () => ({ nothing: true }) as never)
  await assert.rejects(ends[0].request('change', change, 1000), { name: 'NoAnswerError' })
})

test('when the other side goes, whatever waits is rejected, and what is asked later too', async () => {
  const { ends, clock, cut, sent } = wire()
  ends[1].answer('change', () => new Promise(() => {}))
  const request = ends[0].request('change', change, 1000)
  cut()
  cut()
  await assert.rejects(request, { name: 'GoneError' })
  const before = sent.length
  await assert.rejects(ends[0].request('change', change, 1000), { name: 'GoneError' })
  ends[0].tell('verdicts', [])
  assert.equal(sent.length, before)
  assert.equal(clock.pending, 0)
})

test('notices are heard; what is malformed is not', async () => {
  const { ends, inject } = wire()
  const heard: unknown[] = []
  ends[0].on('log', (line) => void heard.push(line))
  ends[1].tell('log', { level: 'warn', message: 'm' })
  await new Promise((resolve) => setImmediate(resolve))
  inject({ type: 'notice', name: 'log', body: { level: 'warn' } })
  inject('log')
  assert.deepEqual(heard, [{ level: 'warn', message: 'm' }])
})
