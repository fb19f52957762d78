import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Channel, type Port } from '#lib/cluster/channel.js'
import { type Statistics, serve } from '#lib/cluster/process.js'
import type { PoolStatus } from '#lib/forward/status-page.js'
import { ManualClock } from '../support/clock.js'
import { eventually } from '../support/wire.js'
import { StubControl } from './support.js'

interface Rig {
  readonly manager: Channel
  readonly steps: string[]
  readonly control: StubControl
  readonly clock: ManualClock
  /** As the status page asks. */
  statistics(): Promise<readonly PoolStatus[]>
  leave(): void
}

/** A serving side whose manager is the test. */
function rig(): Rig {
  const clock = new ManualClock()
  const steps: string[] = []
  const control = new StubControl()
  const closers: (() => void)[] = []
  let statistics: Statistics = () => Promise.reject(new Error('not started'))
  const receivers: ((message: unknown) => void)[] = []
  const port = (to: number): Port => ({
    send: (message) => queueMicrotask(() => receivers[to]?.(JSON.parse(JSON.stringify(message)))),
    onMessage: (listener) => void receivers.push(listener),
    onClose: (listener) => void closers.push(listener),
  })
  const manager = new Channel(port(1), clock)
  manager.on('hello', ({ protocol }) => void steps.push(`hello ${protocol}`))
  manager.on('log', ({ level, message }) => void steps.push(`${level} ${message}`))
  manager.on('workers', (all) => void steps.push(`workers ${all.map(({ instance }) => instance)}`))
  manager.on('state', ({ to }) => void steps.push(`state ${to}`))
  serve({
    port: port(0),
    clock,
    open: (configuration, { logger, statistics: ask, workers }) => {
      statistics = ask
      steps.push(`open ${configuration}`)
      logger.info('opened')
      workers([{ service: 'api', instance: '1', weight: 1 }])
      return {
        control,
        listen: async () => {
          steps.push(`listen with ${control.applied.length} changes, ${control.seen.length} verdicts`)
          return { urls: [], warnings: [] }
        },
        reload: async (next) => {
          steps.push(`reload ${next}`)
          return { urls: [], warnings: [] }
        },
        close: async (timeout) => void steps.push(`close ${timeout}`),
      }
    },
    exit: () => void steps.push('exit'),
  })
  return {
    manager,
    steps,
    control,
    clock,
    statistics: () => statistics(),
    leave: () => void closers.map((close) => close()),
  }
}

const change = { kind: 'add', url: '10.0.0.1:80' } as const
const picture = {
  configuration: 'first',
  changes: [change],
  verdicts: [{ check: 'c', up: true, reason: '', last: null }],
  experiences: [],
}

test('it takes the picture over before it listens, and tells what happens from then on', async () => {
  const { manager, steps, control } = rig()
  await manager.request('start', picture, 1_000)
  control.setState('10.0.0.1:80', 'offline', 'refused')
  await eventually(() => steps.at(-1) === 'state offline', 'the state')
  assert.deepEqual(steps, [
    'hello 3',
    'open first',
    'listen with 1 changes, 1 verdicts',
    'info opened',
    'workers 1',
    'state offline',
  ])
})

test('what does not fit of the picture is left out', async () => {
  const { manager, control } = rig()
  await manager.request('start', { ...picture, changes: [{ kind: 'remove', server: 's' }, change] }, 1_000)
  assert.deepEqual(control.applied, [change])
})

test('a drain holds nothing up that comes after it', async () => {
  const { manager, control } = rig()
  await manager.request('start', picture, 1_000)
  let over = (): void => {}
  control.drained = new Promise((resolve) => {
    over = resolve
  })
  let drained = false
  const drain = manager.request('change', { kind: 'remove', server: '10.0.0.1:80', drain: 9_000 }, 10_000)
  void drain.then(() => {
    drained = true
  })
  await manager.request('change', { kind: 'add', url: '10.0.0.2:80' }, 1_000)
  assert.equal(drained, false)
  over()
  assert.equal((await drain).changed, true)
})

test('before it is started it can do nothing', async () => {
  const { manager } = rig()
  await assert.rejects(manager.request('change', change, 1_000), /not started yet/)
  await assert.rejects(manager.request('snapshot', {}, 1_000), /not started yet/)
})

test('stop closes with the given time, once, and ends the process', async () => {
  const { manager, steps, leave } = rig()
  await manager.request('start', picture, 1_000)
  await manager.request('stop', { timeout: 700 }, 1_000)
  leave()
  await eventually(() => steps.includes('exit'), 'the end')
  assert.deepEqual(steps.slice(-2), ['close 700', 'exit'])
  await assert.rejects(manager.request('reload', { configuration: 'next', changes: [] }, 1_000))
})

test('without its manager it finishes quickly, and ends', async () => {
  const { manager, steps, leave } = rig()
  await manager.request('start', picture, 1_000)
  leave()
  await eventually(() => steps.includes('exit'), 'the end')
  assert.deepEqual(steps.slice(-2), ['close 5000', 'exit'])
  const early = rig()
  early.leave()
  await eventually(() => early.steps.includes('exit'), 'the end before a start')
})

test('the sums over all processes are asked of the manager, once for all who want them at the same time', async () => {
  const { manager, statistics } = rig()
  const sums: PoolStatus[] = [{ name: 'a', balancer: 'Naive', servers: [] }]
  let asked = 0
  manager.answer('statistics', async () => {
    asked++
    return sums
  })
  await manager.request('start', picture, 1_000)
  assert.deepEqual(await Promise.all([statistics(), statistics(), statistics()]), [sums, sums, sums])
  assert.equal(asked, 1)
  assert.deepEqual(await statistics(), sums)
  assert.equal(asked, 2)
})

test('a manager that does not answer within two seconds has no sums', async () => {
  const { manager, statistics, clock, leave } = rig()
  manager.answer('statistics', () => new Promise(() => {}))
  await manager.request('start', picture, 1_000)
  const asked = statistics()
  clock.advance(1_999)
  const settled = assert.rejects(asked, { name: 'NoAnswerError' })
  clock.advance(1)
  await settled
  leave()
  await assert.rejects(statistics(), { name: 'GoneError' })
})
