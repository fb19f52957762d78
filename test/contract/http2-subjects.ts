/** HTTP/2 under the contract: its servers speak HTTP/1.1, so a translator stands before each of them. */

import { once } from 'node:events'
import { type AddressInfo, connect as connectTcp, createServer, type Socket } from 'node:net'
import type { TestContext } from 'node:test'
import type { Clock } from '#lib/clock.js'
import { parseServer, workerAddress } from '#lib/pool/address.js'
import { Joined } from '#lib/transports/http2/joined.js'
import { createHttp2Transport } from '#lib/transports/http2/transport.js'
import type { RawHeaders } from '#lib/transports/transport.js'
import { certificates } from '../support/certificates.js'
import { connectionFields, Translator } from '../support/h2-translator.js'
import { eventually } from '../support/wire.js'
import type { TransportSubject } from './transport.js'

function fields(given: RawHeaders): RawHeaders {
  const kept: string[] = []
  const names = given.filter((_, i) => i % 2 === 0).map((name) => name.toLowerCase())
  // Node's servers send fields of one name together.
  for (const name of new Set(names)) {
    if (connectionFields.has(name)) continue
    for (const [i, each] of names.entries()) if (each === name) kept.push(name, given[2 * i + 1] as string)
  }
  return kept
}

/** Where a server is that is given as for HTTP/1.1. */
function placeOf(address: string): { host: string; port: number } {
  const { host, port } = parseServer(address).address
  return { host, port }
}

/** The answers of a translator are those of HTTP/1.1 that Node's client takes. */
const skip: Readonly<Record<string, string>> = {
  ...skipAll('the form of HTTP/1.1; test/transports/http2/requests.test.ts has that of HTTP/2', [
    'writes the head as it was given, and adds Connection alone',
    'writes bytes beyond ASCII of target and fields as they are',
  ]),
  ...skipAll('HTTP/2 has no such answer (RFC 9113 §8.6)', [
    '101 that nobody asked for is a failure, with Upgrade',
    '101 that nobody asked for is a failure, without Upgrade',
  ]),
  ...skipAll('requests share a connection; test/transports/http2/sessions.test.ts has what holds instead', [
    'are used last in, first out, and only so many are kept',
    'one that the server closes while it waits is not used again',
    'a FIN that has arrived is seen before a request that must not be sent twice is lost',
    'are closed by `close`: those that wait at once, those in use when they are free',
    'before a kept connection is handed over',
    'is given at once; the connection is used again when the request has ended too',
  ]),
  ...skipAll('HTTP/2 has no field for the end of a connection', [
    "are closed before the server's own Keep-Alive timeout",
    'are not kept: Connection: close',
    'are not kept: Connection: x, CLOSE',
    'are not kept: HTTP/1.0',
    'are not kept: a Keep-Alive timeout of a second',
  ]),
  ...skipAll('frames say what belongs to which answer, and nothing comes unasked', [
    'one on which the server speaks without being asked is thrown away',
    'a second answer behind an answer is dropped with its connection, in the same packet',
    'a second answer behind an answer is dropped with its connection, in a packet of its own',
    'anything behind an answer is dropped with its connection, in the same packet',
    'anything behind an answer is dropped with its connection, in a packet of its own',
  ]),
  ...skipAll(
    'heads that HTTP/1.1 alone can have; test/transports/http2/answers.test.ts has those of HTTP/2',
    [
      'an unknown transfer coding',
      'a coding before chunked',
      'chunked twice in one field',
      'chunked in two fields',
      'two different lengths',
      'the same length twice',
      'a list of lengths',
      'length and chunked',
      'chunked and length',
      'a length with a sign',
      'a length in hex',
      'a negative length',
      'an empty length',
      'a length that no number holds',
      'a status of two digits',
      'a status of 0',
      'a status of 099',
      'a status of four digits',
      'NUL in a field',
      'CR in a field',
      'a control character in a field',
      'a space in a name',
      'a space before the colon',
      'a line without a colon',
      'a folded line',
      'another protocol',
      'another version',
      'a head without end',
    ].map((title) => `fails before its head is told, and its connection is closed: ${title}`),
  ),
  ...skipAll('HTTP/2 has no chunks', ['a chunk size that is none breaks the answer off']),
  ...skipAll("the translator's side closes the connection", [
    'has none: HEAD without framing; and the connection goes on',
  ]),
  ...skipAll('test/transports/http2/tls.test.ts has it with ALPN', [
    'a server whose authority is named is believed, and its connection used again',
    'a session is taken up again',
    'a server of an unknown authority is not',
    'nor is one with the name of another; UpstreamServerName says what it is',
    'UpstreamVerify Off asks for no proof',
    'a certificate of our own is shown where one is asked for',
    'a body cut off without a closing alert is not complete',
  ]),
  ...skipAll('the proxy makes the head of HTTP/1.1 by itself; test/transports/http2/websocket.test.ts', [
    'hands over the socket, with what was read beyond the head',
  ]),
  ...skipAll('a session outlives its requests; test/transports/http2/sessions.test.ts', ['leaves no timer behind']),
  ...skipAll('such an address is always HTTP/1.1', ['a Unix socket that does not exist', 'a Unix socket']),
  ...skipAll('the dialer is the one of HTTP/1.1', [
    'localhost that listens on ::1 only',
    'localhost that listens on 127.0.0.1 only',
  ]),
}

function skipAll(reason: string, titles: readonly string[]): Record<string, string> {
  return Object.fromEntries(titles.map((title) => [title, reason]))
}

function http2Subject(name: string, tls: boolean): TransportSubject {
  return {
    name,
    create: (clock) => createHttp2Transport(clock),
    async upstream(t, address, options, clock) {
      const { ca, localhost } = certificates()
      const port = await new Translator(t, () => placeOf(address), tls ? localhost : undefined).listen()
      const server = parseServer(`${tls ? 'h2' : 'h2c'}://127.0.0.1:${port}`).address
      return createHttp2Transport(clock).upstream(server, { ...options, upstreamCA: tls ? ca : undefined })
    },
    schemes: ['h2c', 'h2'],
    fields,
    withoutReason: true,
    skip,
  }
}

async function joinWorker(t: TestContext, joined: Joined, translator: Translator): Promise<void> {
  const listener = createServer()
  listener.listen(0, '127.0.0.1')
  await once(listener, 'listening')
  const socket = connectTcp((listener.address() as AddressInfo).port, '127.0.0.1')
  socket.on('error', () => {})
  const [taken] = (await once(listener, 'connection')) as [Socket]
  t.after(() => {
    socket.destroy()
    taken.destroy()
  })
  listener.close()
  const upstream = joined.upstream(workerAddress('api', '1'))
  upstream.add(taken, Buffer.alloc(0))
  translator.serve(socket)
  await eventually(() => upstream.ready, 'the worker')
}

const joinedSubject: TransportSubject = {
  name: 'joined',
  create: (clock: Clock) => createHttp2Transport(clock),
  async upstream(t, address, _options, clock) {
    const joined = new Joined(clock)
    await joinWorker(t, joined, new Translator(t, () => placeOf(address)))
    return joined.upstream(workerAddress('api', '1'))
  },
  fields,
  withoutReason: true,
  reuses: false,
  skip: {
    ...skip,
    ...skipAll('the worker decides when a connection is made, and how long it is kept', [
      'are closed at KeepAliveTimeout',
      'are not kept: KeepAliveTimeout 0',
      'are not kept: KeepAliveConnections 0',
      'a kept one that dies as it is taken is a lost connection, and `fresh` makes a new one',
      'before there is a connection',
      'that the server does not answer is a lost connection; abort closes it',
    ]),
    ...skipAll('nothing is dialled', [
      'refused',
      'a name that does not exist',
      'a handshake that takes too long',
      'a server that does not speak TLS',
      'a server that closes in the handshake',
    ]),
  },
}

/** Without TLS, with TLS, and over connections that the servers have opened. */
export const http2Subjects: readonly TransportSubject[] = [
  http2Subject('http2', false),
  http2Subject('http2 with TLS', true),
  joinedSubject,
]
