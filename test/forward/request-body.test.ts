import assert from 'node:assert/strict'
import type { IncomingMessage } from 'node:http'
import { PassThrough } from 'node:stream'
import { test } from 'node:test'
import { type BodyListener, type BodySink, consumedBody, RequestBody } from '#lib/forward/request-body.js'
import { incoming } from '../support/incoming.js'
import { settle } from '../support/rig.js'

class Sink implements BodySink {
  text = ''
  trailers: readonly string[] | undefined
  takes = true

  write(chunk: Uint8Array): boolean {
    this.text += Buffer.from(chunk).toString()
    return this.takes
  }

  end(trailers: readonly string[]): void {
    this.trailers = trailers
  }
}

function setUp(maxSize: number, replayLimit: number): { client: PassThrough; body: RequestBody; told: string[] } {
  const client = new PassThrough()
  const told: string[] = []
  const listener: BodyListener = {
    bodyMoved: () => told.push('moved'),
    bodySent: () => told.push('sent'),
    bodyTooLarge: () => told.push('too large'),
  }
  const body = new RequestBody(client as unknown as IncomingMessage, listener, maxSize, replayLimit)
  return { client, body, told }
}

test('nothing is read before there is somewhere to send it', async () => {
  const { client, body, told } = setUp(0, 100)
  client.write('hello')
  await settle()
  assert.deepEqual([client.readableDidRead, told, body.complete, body.replayable], [false, [], false, true])
  const sink = new Sink()
  body.sendTo(sink)
  client.end(' world')
  await settle()
  assert.equal(sink.text, 'hello world')
  assert.deepEqual(sink.trailers, [])
  assert.equal(body.complete, true)
  assert.equal(told.at(-1), 'sent')
})

test('what has been read is sent again from its beginning, and then the rest', async () => {
  const { client, body } = setUp(0, 100)
  const first = new Sink()
  body.sendTo(first)
  client.write('one ')
  await settle()
  body.detach()
  client.write('two ')
  await settle()
  const second = new Sink()
  body.sendTo(second)
  client.end('three')
  await settle()
  assert.equal(first.text, 'one ')
  assert.equal(second.text, 'one two three')
  const third = new Sink()
  body.sendTo(third)
  assert.equal(third.text, 'one two three')
  assert.deepEqual(third.trailers, [])
})

test('beyond the limit it is not kept, and cannot be sent again', async () => {
  const { client, body } = setUp(0, 5)
  body.sendTo(new Sink())
  client.write('12345')
  await settle()
  assert.equal(body.replayable, true)
  client.write('6')
  await settle()
  assert.equal(body.replayable, false)
})

test('without a limit to keep, nothing can be sent again but a body that was not touched', async () => {
  const { client, body } = setUp(0, 0)
  assert.equal(body.replayable, true)
  body.sendTo(new Sink())
  assert.equal(body.replayable, true)
  client.write('1')
  await settle()
  assert.equal(body.replayable, false)
})

test('a sink that is full holds the client back until it drains', async () => {
  const { client, body } = setUp(0, 0)
  const sink = new Sink()
  sink.takes = false
  body.sendTo(sink)
  client.write('a')
  await settle()
  assert.equal(body.waitsForServer, true)
  client.write('b')
  await settle()
  assert.equal(sink.text, 'a')
  body.drained()
  await settle()
  assert.equal(sink.text, 'ab')
  assert.equal(client.isPaused(), true)
})

test('a body that grows too large is told of once it does, and goes no further', async () => {
  const { client, body, told } = setUp(5, 100)
  const sink = new Sink()
  body.sendTo(sink)
  client.write('12345')
  await settle()
  assert.deepEqual(told, ['moved'])
  client.write('6')
  await settle()
  assert.equal(told.at(-1), 'too large')
  assert.equal(sink.text, '12345')
})

test('what nobody wants any more is read to its end in silence', async () => {
  const { client, body, told } = setUp(5, 100)
  body.sendTo(new Sink())
  client.write('1')
  await settle()
  body.detach()
  told.length = 0
  client.resume()
  client.end('23456789')
  await settle()
  assert.deepEqual(told, [])
  assert.equal(body.complete, true)
})

test('a body that was consumed is made again from what was left of it', () => {
  const make = (body: unknown, type: string): string | undefined => {
    const req = Object.assign(incoming({ method: 'POST', fields: ['Content-Type', type] }), { body })
    Object.defineProperty(req, 'readableDidRead', { value: true })
    return consumedBody(req, { hasBody: true, length: 5 })?.toString()
  }
  assert.equal(make({ a: 1 }, 'application/json'), '{"a":1}')
  assert.equal(make({ a: 1 }, 'application/vnd.api+json; charset=utf-8'), '{"a":1}')
  assert.equal(make(null, 'APPLICATION/JSON'), 'null')
  assert.equal(make({ a: ['1', '2'], b: { c: 'd' } }, 'application/x-www-form-urlencoded'), 'a=1&a=2&b%5Bc%5D=d')
  assert.equal(make('text', 'text/plain'), 'text')
  assert.equal(make(Buffer.from('raw'), 'image/png'), 'raw')
  assert.throws(() => make({}, 'multipart/form-data'), /mount the proxy before the body parser/)
  assert.throws(() => make(undefined, 'application/json'), /mount the proxy/)
  const untouched = incoming({ method: 'POST' })
  assert.equal(consumedBody(untouched, { hasBody: true, length: 5 }), undefined)
  assert.equal(consumedBody(untouched, { hasBody: false, length: undefined }), undefined)
})
