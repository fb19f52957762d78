import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, connect as connectTo, createServer, type Socket } from 'node:net'
import { type TestContext, test } from 'node:test'
import { Etcd, noEtcd } from '../support/etcd.js'
import { connect, soon } from './etcd-rig.js'

const skip = noEtcd

/** The way to an etcd, which may be cut, or swallow everything. */
class Way {
  readonly #sockets = new Set<Socket>()
  readonly port: number
  isCut = false
  #swallows = false

  private constructor(port: number) {
    this.port = port
  }

  static async open(t: TestContext, target: number): Promise<Way> {
    const server = createServer((near) => way.#join(near, target)).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const way = new Way((server.address() as AddressInfo).port)
    t.after(() => {
      way.cut()
      server.close()
    })
    return way
  }

  cut(): void {
    this.isCut = true
    for (const socket of this.#sockets) socket.destroy()
  }

  mend(): void {
    this.isCut = false
    this.#swallows = false
  }

  /** Nothing comes through any more, and nobody is told. */
  swallow(): void {
    this.#swallows = true
  }

  #join(near: Socket, target: number): void {
    near.on('error', () => {})
    if (this.isCut) {
      near.destroy()
      return
    }
    const far = connectTo(target, '127.0.0.1')
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      this.#sockets.add(from)
      from.on('data', (data: Buffer) => {
        if (!this.#swallows) to.write(data)
      })
      from.on('error', () => {})
      from.on('close', () => {
        this.#sockets.delete(from)
        to.destroy()
      })
    }
  }
}

test('cut off: what happened meanwhile is known afterwards, even if etcd has compacted it', { skip }, async (t) => {
  const etcd = await Etcd.start(t)
  for (const name of ['a', 'b', 'c']) await etcd.ctl('put', `p/${name}`, '1')
  const way = await Way.open(t, etcd.port)
  const { registry, values } = await connect(t, `etcd://127.0.0.1:${way.port}/p`)
  const heard: string[] = []
  registry.watch((keys) => heard.push(...keys))
  way.cut()
  await soon(() => !registry.state.connected, 'the loss', 2_000)
  await etcd.ctl('del', 'p/a')
  await etcd.ctl('put', 'p/b', '2')
  await etcd.ctl('put', 'p/d', '1')
  const status = JSON.parse(await etcd.ctl('get', 'p/d', '-w', 'json')) as { header: { revision: number } }
  await etcd.ctl('compact', String(status.header.revision))
  assert.deepEqual([values(), heard], [{ a: '1', b: '1', c: '1' }, []])
  way.mend()
  await soon(() => registry.state.connected, 'the way back', 8_000)
  assert.deepEqual(values(), { b: '2', c: '1', d: '1' })
  assert.deepEqual(heard.sort(), ['a', 'b', 'd'])
})

test('a compaction while it is connected changes nothing', { skip }, async (t) => {
  const etcd = await Etcd.start(t)
  const { registry, values, log } = await connect(t, `etcd://127.0.0.1:${etcd.port}/p`)
  for (let i = 0; i < 5; i++) await registry.update('a', () => ({ value: String(i) }))
  await etcd.ctl('compact', '5')
  await etcd.ctl('put', 'p/b', '1')
  await soon(() => values().b === '1', 'the next change', 1_000)
  assert.deepEqual([values().a, log.length], ['4', 1])
})

test('a way that swallows everything is noticed, and given up', { skip }, async (t) => {
  const etcd = await Etcd.start(t)
  await etcd.ctl('put', 'p/a', '1')
  const way = await Way.open(t, etcd.port)
  const { registry, values } = await connect(t, `etcd://127.0.0.1:${way.port}/p`)
  way.swallow()
  await soon(() => !registry.state.connected, 'the loss', 15_000)
  await etcd.ctl('put', 'p/a', '2')
  assert.deepEqual(values(), { a: '1' })
  way.mend()
  await soon(() => values().a === '2' && registry.state.connected, 'the way back', 20_000)
})

test('a dead member is left for one that lives', { skip }, async (t) => {
  const etcd = await Etcd.start(t)
  const silent = await Way.open(t, etcd.port)
  silent.swallow()
  const refusing = await Way.open(t, etcd.port)
  refusing.isCut = true
  const { values } = await connect(
    t,
    `etcd://127.0.0.1:${refusing.port},127.0.0.1:${silent.port},127.0.0.1:${etcd.port}/p`,
  )
  assert.deepEqual(values(), {})
})
