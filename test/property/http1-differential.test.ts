import assert from 'node:assert/strict'
import { type IncomingMessage, request } from 'node:http'
import { Duplex } from 'node:stream'
import { test } from 'node:test'
import { ResponseParser } from '#lib/transports/http1/response-parser.js'
import type { CheckedHead } from '#lib/transports/response-head.js'
import type { RawHeaders } from '#lib/transports/transport.js'
import { cut, generateResponse } from '../support/generated-responses.js'
import { seededRandom } from '../support/random.js'

/** What a reader makes of bytes. */
interface Message {
  readonly informational: readonly (readonly [number, RawHeaders])[]
  readonly status: number
  readonly reason: string
  readonly headers: RawHeaders
  readonly body: string
  readonly trailers: RawHeaders
}

type Reading = Message | 'refused'

/** Our parser; `rest`: it saw bytes behind the message, and would close the connection. */
function ours(method: string, pieces: readonly Buffer[]): { reading: Reading; rest: boolean } {
  const informational: [number, RawHeaders][] = []
  let head: CheckedHead | undefined
  let trailers: RawHeaders | undefined
  let rest = false
  const body: Buffer[] = []
  const parser = new ResponseParser({
    informational: (status, headers) => informational.push([status, headers]),
    head: (checked) => {
      head = checked
    },
    body: (chunk) => body.push(Buffer.from(chunk)),
    complete: (last, beyond) => {
      trailers = last
      rest = beyond.length > 0
    },
  })
  parser.expect(method)
  try {
    for (const piece of pieces) {
      if (trailers === undefined) parser.execute(piece)
      else rest = true
    }
    if (trailers === undefined) parser.finish()
  } catch {
    return { reading: 'refused', rest }
  }
  if (head === undefined || trailers === undefined) return { reading: 'refused', rest }
  const { status, reason, headers } = head
  return { reading: { informational, status, reason, headers, body: text(body), trailers }, rest }
}

/** Node's own client. */
function nodes(method: string, pieces: readonly Buffer[]): Promise<Reading> {
  return new Promise((resolve) => {
    const socket = new Duplex({ read: () => {}, write: (_chunk, _encoding, done) => done() })
    const informational: [number, RawHeaders][] = []
    const refuse = (): void => resolve('refused')
    const req = request({ method, createConnection: () => socket as never })
    req.on('information', ({ statusCode, rawHeaders }) => informational.push([statusCode, rawHeaders]))
    req.on('error', refuse)
    let answered = false
    req.on('close', () => {
      if (!answered) refuse()
    })
    req.on('response', (response: IncomingMessage) => {
      answered = true
      const body: Buffer[] = []
      response.on('data', (chunk: Buffer) => body.push(chunk))
      response.on('error', refuse)
      response.on('close', refuse)
      response.on('end', () => {
        const {
          statusCode: status = 0,
          statusMessage: reason = '',
          rawHeaders: headers,
          rawTrailers: trailers,
        } = response
        if (response.complete) resolve({ informational, status, reason, headers, body: text(body), trailers })
      })
    })
    req.end()
    for (const piece of pieces) socket.push(piece)
    socket.push(null)
  })
}

function text(chunks: readonly Buffer[]): string {
  return Buffer.concat(chunks).toString('latin1')
}

const count = Number(process.env.RESPONSES ?? 100_000)

test(`${count} generated and spoilt responses are read as Node's own client reads them, or refused`, async () => {
  const random = seededRandom(Number(process.env.SEED ?? 20_241))
  const tally = { same: 0, refusedByBoth: 0, refusedByUs: 0 }
  for (let i = 0; i < count; i++) {
    const { method, bytes, sound } = generateResponse(random)
    const pieces = cut(bytes, random)
    const [{ reading: mine, rest }, theirs] = [ours(method, pieces), await nodes(method, pieces)]
    const shown = `response ${i}: ${JSON.stringify(bytes.toString('latin1'))}`
    if (mine === 'refused') {
      assert.ok(!sound || theirs === 'refused', `refused, but sound: ${shown}`)
      if (theirs === 'refused') tally.refusedByBoth++
      else tally.refusedByUs++
    } else if (theirs === 'refused') {
      // Bytes behind the message are an error to Node as soon as it sees them; here they end the connection.
      assert.ok(rest, `taken, but refused by Node: ${shown}`)
    } else {
      assert.deepEqual(mine, theirs, shown)
      tally.same++
    }
  }
  assert.ok(tally.same > count / 3 && tally.refusedByBoth > count / 20, `too few of a kind: ${JSON.stringify(tally)}`)
})

test('a response reads the same wherever it is cut', () => {
  const random = seededRandom(7)
  for (let i = 0; i < Math.min(count / 20, 2000); i++) {
    const { method, bytes } = generateResponse(random)
    const whole = ours(method, [bytes])
    for (let at = 1; at < bytes.length; at++) {
      const parts = ours(method, [bytes.subarray(0, at), bytes.subarray(at)])
      assert.deepEqual(parts, whole, `cut at ${at}: ${JSON.stringify(bytes.toString('latin1'))}`)
    }
  }
})
