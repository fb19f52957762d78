/** What a real etcd does too seldom to wait for: a server of its API that does as it is told. */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type TestContext, test } from 'node:test'
import { Server, ServerCredentials, type ServerDuplexStream, type ServiceDefinition } from '@grpc/grpc-js'
import { loadGrpc } from '#lib/discovery/grpc.js'
import { RegistryError } from '#lib/discovery/registry.js'
import { within } from '../support/wire.js'
import { connect, registryAt, soon } from './etcd-rig.js'

type Stream = ServerDuplexStream<{ createRequest: { startRevision: string } }, object>

class ScriptedEtcd {
  /** Lists in their order; the last one stays. */
  lists: { revision: number; values: Record<string, string> }[] = [{ revision: 1, values: {} }]
  listed = 0
  /** Revisions from which it was watched. */
  readonly watched: string[] = []
  /** What each watch is answered with; the last one stays. */
  answers: object[] = [{ created: true }]
  stream: Stream | undefined
  /** The revision of the next write. */
  written = 100
  port = 0

  static async start(t: TestContext): Promise<ScriptedEtcd> {
    const etcd = new ScriptedEtcd()
    const { methods } = await loadGrpc()
    const server = new Server()
    const service = (name: string): ServiceDefinition => methods[`etcdserverpb.${name}`] as ServiceDefinition
    server.addService(service('KV'), {
      Range: (_: unknown, answer: (error: null, response: object) => void) => answer(null, etcd.#list()),
      Txn: (_: unknown, answer: (error: null, response: object) => void) =>
        answer(null, { header: { revision: String(etcd.written) }, succeeded: true }),
    })
    server.addService(service('Watch'), { Watch: (stream: Stream) => etcd.#watch(stream) })
    etcd.port = await new Promise((resolve, reject) => {
      server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) =>
        error === null ? resolve(port) : reject(error),
      )
    })
    t.after(() => server.forceShutdown())
    return etcd
  }

  get url(): string {
    return `etcd://127.0.0.1:${this.port}/p`
  }

  put(key: string, value: string, revision: number): void {
    this.stream?.write({ header: { revision: '9999' }, events: [{ type: 'PUT', kv: keyValue(key, value, revision) }] })
  }

  #list(): object {
    const { revision, values } = this.lists[Math.min(this.listed++, this.lists.length - 1)]!
    const kvs = Object.entries(values).map(([key, value]) => keyValue(key, value, revision))
    return { header: { clusterId: '1', revision: String(revision) }, kvs }
  }

  #watch(stream: Stream): void {
    stream.on('error', () => {})
    stream.on('data', ({ createRequest }: { createRequest: { startRevision: string } }) => {
      this.watched.push(createRequest.startRevision)
      this.stream = stream
      stream.write(this.answers[Math.min(this.watched.length, this.answers.length) - 1]!)
    })
    stream.on('end', () => stream.end())
  }
}

function keyValue(key: string, value: string, revision: number): object {
  return { key: Buffer.from(`p/${key}`), value: Buffer.from(value), modRevision: String(revision) }
}

test('what was compacted between list and watch is listed again, without being out of reach', async (t) => {
  const etcd = await ScriptedEtcd.start(t)
  etcd.lists = [
    { revision: 5, values: { a: '1', b: '1' } },
    { revision: 20, values: { b: '2' } },
  ]
  etcd.answers = [{ created: true, canceled: true, compactRevision: '15' }, { created: true }]
  const { registry, values, log } = await connect(t, etcd.url)
  assert.deepEqual([values(), etcd.watched], [{ b: '2' }, ['6', '21']])
  assert.deepEqual(log, [`registry ${registry.state.url}: connected`])
  // A watch that has fallen behind ends so too.
  etcd.lists.push({ revision: 30, values: { c: '3' } })
  etcd.stream!.write({ canceled: true, compactRevision: '25' })
  await soon(() => values().c === '3', 'the next list', 2_000)
  assert.deepEqual([values(), etcd.watched], [{ c: '3' }, ['6', '21', '31']])
  assert.equal(log.length, 1)
})

test('a watch that is refused is told with its reason', async (t) => {
  const etcd = await ScriptedEtcd.start(t)
  etcd.answers = [{ created: true, canceled: true, cancelReason: 'rpc error: code = PermissionDenied' }]
  const { registry, log } = await registryAt(t, etcd.url)
  await registry.start()
  assert.equal(registry.state.connected, false)
  assert.match(registry.state.reason, /the watch was refused: .*PermissionDenied/)
  assert.equal(log.length, 1)
})

test('a write is done when the watch tells of it, whatever the header says', async (t) => {
  const etcd = await ScriptedEtcd.start(t)
  const { registry, values } = await connect(t, etcd.url)
  let done = false
  const written = registry
    .update('a', () => ({ value: '1' }))
    .then(() => {
      done = true
    })
  etcd.put('b', '1', 99)
  await soon(() => values().b === '1', 'another key', 2_000)
  assert.equal(done, false)
  etcd.put('a', '1', 100)
  await within(written, 'the end of the write')
  assert.deepEqual(values(), { a: '1', b: '1' })
})

test('a write of which the watch never tells is no success', async (t) => {
  const etcd = await ScriptedEtcd.start(t)
  const { registry } = await connect(t, etcd.url)
  await assert.rejects(
    registry.update('a', () => ({ value: '1' })),
    (error) => error instanceof RegistryError && /has not told of it yet/.test(error.message),
  )
})

test('a restored backup is believed, though its history is shorter', async (t) => {
  const etcd = await ScriptedEtcd.start(t)
  etcd.lists = [
    { revision: 50, values: { a: '1', b: '1' } },
    { revision: 40, values: { a: '0' } },
  ]
  const { registry, values } = await connect(t, etcd.url)
  etcd.stream!.end()
  await soon(() => values().b === undefined && registry.state.connected, 'the older list', 5_000)
  assert.deepEqual([values(), etcd.watched], [{ a: '0' }, ['51', '41']])
})

test('a watch that is ended is made again after a new list', async (t) => {
  const etcd = await ScriptedEtcd.start(t)
  etcd.lists = [
    { revision: 5, values: { a: '1' } },
    { revision: 6, values: { a: '2' } },
  ]
  const { registry, values } = await connect(t, etcd.url)
  const closed = once(etcd.stream!, 'close')
  etcd.stream!.end()
  await within(closed, 'its end')
  await soon(() => values().a === '2' && registry.state.connected, 'the next list', 5_000)
})
