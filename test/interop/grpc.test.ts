/** gRPC, by its own client and server: what HTTP/2 on both sides is most used for, and what asks most of it. */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createSecureServer, createServer } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { describe, test } from 'node:test'
import {
  ChannelCredentials,
  Client,
  type ClientDuplexStream,
  type ClientReadableStream,
  Metadata,
  type MethodDefinition,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServerReadableStream,
  type ServerUnaryCall,
  type ServerWritableStream,
  type ServiceError,
  type StatusObject,
  type sendUnaryData,
  status,
} from '@grpc/grpc-js'
import { createProxy } from '#lib/create.js'
import { certificates } from '../support/certificates.js'
import { configOf } from '../support/rig.js'
import type { Cleanup } from '../support/upstream.js'
import { eventually, within } from '../support/wire.js'

type Method = MethodDefinition<Buffer, Buffer>

function method(name: string, requestStream: boolean, responseStream: boolean): Method {
  const same = (value: Buffer): Buffer => value
  return {
    path: `/test.Echo/${name}`,
    requestStream,
    responseStream,
    requestSerialize: same,
    requestDeserialize: same,
    responseSerialize: same,
    responseDeserialize: same,
  }
}

const service = {
  unary: method('Unary', false, false),
  clientStream: method('ClientStream', true, false),
  serverStream: method('ServerStream', false, true),
  both: method('Both', true, true),
  fail: method('Fail', false, false),
  failLate: method('FailLate', false, true),
  hang: method('Hang', false, false),
}

interface Backend {
  readonly port: number
  /** Calls that the client gave up. */
  cancelled: number
  metadata: Metadata | undefined
  stop(): void
}

async function backend(t: Cleanup): Promise<Backend> {
  const server = new Server({ 'grpc.max_receive_message_length': -1 })
  const seen: Backend = { port: 0, cancelled: 0, metadata: undefined, stop: () => server.forceShutdown() }
  server.addService(service, {
    unary(call: ServerUnaryCall<Buffer, Buffer>, answer: sendUnaryData<Buffer>) {
      seen.metadata = call.metadata
      const initial = new Metadata()
      initial.set('x-initial', 'first')
      initial.add('x-many', 'a')
      initial.add('x-many', 'b')
      call.sendMetadata(initial)
      const trailing = new Metadata()
      trailing.set('x-trailing', 'last')
      trailing.set('x-bytes-bin', Buffer.from([0, 1, 255]))
      answer(null, call.request, trailing)
    },
    clientStream(call: ServerReadableStream<Buffer, Buffer>, answer: sendUnaryData<Buffer>) {
      const parts: Buffer[] = []
      call.on('data', (part: Buffer) => parts.push(part))
      call.on('end', () => answer(null, Buffer.concat(parts)))
    },
    serverStream(call: ServerWritableStream<Buffer, Buffer>) {
      for (let i = 0; i < 100; i++) call.write(Buffer.from(`${call.request} ${i}`))
      call.end()
    },
    both(call: ServerDuplexStream<Buffer, Buffer>) {
      call.on('data', (part: Buffer) => call.write(part))
      call.on('end', () => call.end())
      call.on('cancelled', () => seen.cancelled++)
    },
    fail(_call: ServerUnaryCall<Buffer, Buffer>, answer: sendUnaryData<Buffer>) {
      const metadata = new Metadata()
      metadata.set('x-why', 'because')
      answer({ code: status.NOT_FOUND, details: 'no such thing: ümlaut', metadata })
    },
    failLate(call: ServerWritableStream<Buffer, Buffer>) {
      call.write(Buffer.from('one'))
      call.emit('error', { code: status.DATA_LOSS, details: 'gone' })
    },
    hang(call: ServerUnaryCall<Buffer, Buffer>) {
      call.on('cancelled', () => seen.cancelled++)
    },
  })
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) => {
      if (error === null) resolve(bound)
      else reject(error)
    })
  })
  t.after(() => server.forceShutdown())
  return Object.assign(seen, { port })
}

interface Rig {
  readonly client: Client
  readonly server: Backend
}

async function start(t: Cleanup, tls: boolean): Promise<Rig> {
  const server = await backend(t)
  const proxy = createProxy(configOf('http1', { serverList: `h2c://127.0.0.1:${server.port}` }), { logger: false })
  const { ca, localhost } = certificates()
  const front = tls ? createSecureServer(localhost, proxy as never) : createServer(proxy as never)
  front.listen(0, '127.0.0.1')
  await once(front, 'listening')
  const credentials = tls ? ChannelCredentials.createSsl(Buffer.from(ca)) : ChannelCredentials.createInsecure()
  const client = new Client(`localhost:${(front.address() as AddressInfo).port}`, credentials, {
    'grpc.max_receive_message_length': -1,
    'grpc.enable_http_proxy': 0,
  })
  t.after(async () => {
    client.close()
    await proxy.close({ timeout: 0 })
    front.close()
  })
  return { client, server }
}

interface Unary {
  readonly value: Buffer | undefined
  readonly error: ServiceError | null
  readonly initial: Metadata | undefined
  readonly status: StatusObject
}

function unary(client: Client, { path }: Method, request: Buffer, deadline?: number): Promise<Unary> {
  const same = (value: Buffer): Buffer => value
  const metadata = new Metadata()
  metadata.set('x-from-client', 'yes')
  metadata.set('x-from-client-bin', Buffer.from([200, 0]))
  const answer = new Promise<Unary>((resolve) => {
    let initial: Metadata | undefined
    let result: [ServiceError | null, Buffer | undefined] = [null, undefined]
    const options = deadline === undefined ? {} : { deadline }
    const call = client.makeUnaryRequest(path, same, same, request, metadata, options, (error, value) => {
      result = [error, value]
    })
    call.on('metadata', (given: Metadata) => {
      initial = given
    })
    call.on('status', (given: StatusObject) => {
      setImmediate(() => resolve({ error: result[0], value: result[1], initial, status: given }))
    })
  })
  return within(answer, `the answer to ${path}`, 10_000)
}

interface Streamed {
  readonly messages: string[]
  readonly status: StatusObject
}

async function streamed(call: ClientReadableStream<Buffer> | ClientDuplexStream<Buffer, Buffer>): Promise<Streamed> {
  const messages: string[] = []
  call.on('data', (message: Buffer) => messages.push(message.toString()))
  call.on('error', () => {})
  const given = await within(new Promise<StatusObject>((resolve) => call.on('status', resolve)), 'the status')
  return { messages, status: given }
}

const same = (value: Buffer): Buffer => value

for (const tls of [false, true]) {
  describe(`gRPC through the proxy, ${tls ? 'with TLS in front' : 'in clear text'}`, () => {
    test('a unary call, with metadata both ways', async (t) => {
      const { client, server } = await start(t, tls)
      const answer = await unary(client, service.unary, Buffer.from('hello'))
      assert.equal(answer.error, null)
      assert.equal(answer.value?.toString(), 'hello')
      assert.deepEqual(answer.initial?.get('x-initial'), ['first'])
      assert.deepEqual(answer.initial?.get('x-many'), ['a, b'])
      assert.equal(answer.status.code, status.OK)
      assert.deepEqual(answer.status.metadata.get('x-trailing'), ['last'])
      assert.deepEqual(answer.status.metadata.get('x-bytes-bin'), [Buffer.from([0, 1, 255])])
      assert.deepEqual(server.metadata?.get('x-from-client'), ['yes'])
      assert.deepEqual(server.metadata?.get('x-from-client-bin'), [Buffer.from([200, 0])])
    })

    test('large messages both ways', async (t) => {
      const { client } = await start(t, tls)
      const large = Buffer.alloc(20 * 1024 * 1024, 'abcdefghijk')
      const answer = await unary(client, service.unary, large)
      assert.equal(answer.error, null)
      assert.ok(answer.value?.equals(large))
    })

    test('many calls at once', async (t) => {
      const { client } = await start(t, tls)
      const answers = await Promise.all(
        Array.from({ length: 300 }, (_, i) => unary(client, service.unary, Buffer.from(String(i)))),
      )
      assert.deepEqual(
        answers.map(({ value }) => value?.toString()),
        answers.map((_, i) => String(i)),
      )
    })

    test('a stream of requests', async (t) => {
      const { client } = await start(t, tls)
      const answer = new Promise<Buffer>((resolve, reject) => {
        const call = client.makeClientStreamRequest<Buffer, Buffer>(
          service.clientStream.path,
          same,
          same,
          (error, value) => (error === null ? resolve(value as Buffer) : reject(error)),
        )
        for (let i = 0; i < 50; i++) call.write(Buffer.from(`${i};`))
        call.end()
      })
      const expected = Array.from({ length: 50 }, (_, i) => `${i};`).join('')
      assert.equal((await within(answer, 'the answer')).toString(), expected)
    })

    test('a stream of answers', async (t) => {
      const { client } = await start(t, tls)
      const { path } = service.serverStream
      const { messages, status: end } = await streamed(
        client.makeServerStreamRequest(path, same, same, Buffer.from('number')),
      )
      assert.equal(end.code, status.OK)
      assert.deepEqual(
        messages,
        Array.from({ length: 100 }, (_, i) => `number ${i}`),
      )
    })

    test('both at once: an answer comes before the request ends', async (t) => {
      const { client } = await start(t, tls)
      const call = client.makeBidiStreamRequest<Buffer, Buffer>(service.both.path, same, same)
      for (const text of ['ping', 'pong', 'again']) {
        const echoed = within(once(call, 'data'), `the echo of ${text}`)
        call.write(Buffer.from(text))
        assert.equal(String((await echoed)[0]), text)
      }
      call.end()
      assert.equal((await streamed(call)).status.code, status.OK)
    })

    test('a status without an answer, which is a head that is the trailers', async (t) => {
      const { client } = await start(t, tls)
      const { error, status: end } = await unary(client, service.fail, Buffer.from('x'))
      assert.equal(error?.code, status.NOT_FOUND)
      assert.equal(error?.details, 'no such thing: ümlaut')
      assert.deepEqual(end.metadata.get('x-why'), ['because'])
    })

    test('a status behind messages', async (t) => {
      const { client } = await start(t, tls)
      const call = client.makeServerStreamRequest(service.failLate.path, same, same, Buffer.from('x'))
      const { messages, status: end } = await streamed(call)
      assert.deepEqual(messages, ['one'])
      assert.equal(end.code, status.DATA_LOSS)
      assert.equal(end.details, 'gone')
    })

    test('a method that does not exist', async (t) => {
      const { client } = await start(t, tls)
      const { error } = await unary(client, method('Nothing', false, false), Buffer.from('x'))
      assert.equal(error?.code, status.UNIMPLEMENTED)
    })

    test('a deadline: the server sees the end of the call', async (t) => {
      const { client, server } = await start(t, tls)
      const { error } = await unary(client, service.hang, Buffer.from('x'), Date.now() + 300)
      assert.equal(error?.code, status.DEADLINE_EXCEEDED)
      await eventually(() => server.cancelled === 1, 'the server to see it')
    })

    test('a call that the client cancels in the middle', async (t) => {
      const { client, server } = await start(t, tls)
      const call = client.makeBidiStreamRequest<Buffer, Buffer>(service.both.path, same, same)
      const end = streamed(call)
      call.write(Buffer.from('x'))
      await within(once(call, 'data'), 'the echo')
      call.cancel()
      assert.equal((await end).status.code, status.CANCELLED)
      await eventually(() => server.cancelled === 1, 'the server to see it')
    })

    test('a server that is gone is unavailable', async (t) => {
      const { client, server } = await start(t, tls)
      await unary(client, service.unary, Buffer.from('x'))
      server.stop()
      const { error } = await unary(client, service.unary, Buffer.from('x'))
      assert.equal(error?.code, status.UNAVAILABLE)
    })
  })
}
