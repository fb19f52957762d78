import { once } from 'node:events'
import { Agent, type IncomingMessage, request } from 'node:http'
import {
  createSecureServer,
  createServer,
  type Http2SecureServer,
  type Http2Server,
  type Http2Session,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
  type SecureServerOptions,
  type ServerHttp2Stream,
} from 'node:http2'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Cleanup } from './upstream.js'

/** Fields that HTTP/2 does not have. */
export const connectionFields: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'transfer-encoding',
  'upgrade',
])

/**
 * Stands before a server of HTTP/1.1, and speaks HTTP/2: each stream becomes a request over a connection of its own, or
 * over one that an earlier stream of the same session has left. A server that closes without an answer, or within one,
 * takes the session with it.
 */
export class Translator {
  readonly server: Http2Server | Http2SecureServer
  readonly #sockets = new Set<Duplex>()
  /** Node makes the session of a connection in the event that tells of the connection. */
  #connecting: Duplex | undefined
  readonly #to: () => { host: string; port: number }

  /** `tls`: speaks TLS. */
  constructor(t: Cleanup, to: () => { host: string; port: number }, tls?: SecureServerOptions) {
    this.#to = to
    const settings = { enableConnectProtocol: true }
    this.server = tls === undefined ? createServer({ settings }) : createSecureServer({ ...tls, settings })
    this.server.prependListener(tls === undefined ? 'connection' : 'secureConnection', (socket: Duplex) => {
      this.#connecting = socket
      this.#sockets.add(socket)
      socket.on('error', () => {})
      socket.on('close', () => this.#sockets.delete(socket))
    })
    this.server.on('session', (session) => this.#onSession(session))
    this.server.on('sessionError', () => {})
    this.server.on('tlsClientError', () => {})
    t.after(() => {
      this.server.close()
      for (const socket of this.#sockets) socket.destroy()
    })
  }

  async listen(): Promise<number> {
    this.server.listen(0, '127.0.0.1')
    await once(this.server, 'listening')
    return (this.server.address() as AddressInfo).port
  }

  /** Serves a connection that it has opened itself, as a worker does. */
  serve(socket: Duplex): void {
    this.server.emit('connection', socket)
  }

  #onSession(session: Http2Session): void {
    const socket = this.#connecting as Duplex
    const agent = new Agent({ keepAlive: true, scheduling: 'lifo', maxSockets: Number.POSITIVE_INFINITY })
    session.on('error', () => {})
    session.on('close', () => {
      agent.destroy()
    })
    session.on('stream', (stream: ServerHttp2Stream, headers: IncomingHttpHeaders, _flags: number, raw: string[]) => {
      this.#onStream(socket, agent, stream, headers, raw)
    })
  }

  #onStream(
    connection: Duplex,
    agent: Agent,
    stream: ServerHttp2Stream,
    headers: IncomingHttpHeaders,
    raw: string[],
  ): void {
    const upgrades = headers[':protocol'] !== undefined
    const hasBody = !upgrades && !stream.endAfterHeaders
    const fields = ['host', headers[':authority'] ?? '']
    for (let i = 0; i < raw.length; i += 2) if (raw[i]?.[0] !== ':') fields.push(raw[i] as string, raw[i + 1] as string)
    if (hasBody && headers['content-length'] === undefined) fields.push('transfer-encoding', 'chunked')
    if (upgrades) fields.push('connection', 'Upgrade', 'upgrade', headers[':protocol'] as string)
    const method = upgrades ? 'GET' : (headers[':method'] as string)
    const path = headers[':path'] as string
    const req = request({ ...this.#to(), agent, method, path, headers: fields as never })
    const lost = (): void => {
      if (!stream.destroyed) connection.destroy()
    }
    stream.on('error', () => {})
    stream.on('aborted', () => req.destroy())
    stream.on('close', () => {
      if (!answered || stream.rstCode !== 0) req.destroy()
    })
    let answered = false
    req.on('error', lost)
    req.on('information', ({ statusCode, rawHeaders }) => {
      if (!stream.destroyed) stream.additionalHeaders({ ':status': statusCode, ...byName(rawHeaders) })
    })
    req.on('response', (res: IncomingMessage) => {
      answered = true
      answer(stream, res, lost)
    })
    req.on('upgrade', (res: IncomingMessage, socket: Duplex, rest: Buffer) => {
      stream.respond({ ':status': 200, ...byName(res.rawHeaders) }, { sendDate: false } as never)
      stream.write(rest)
      socket.on('error', () => {})
      socket.on('close', () => stream.destroy())
      stream.on('close', () => socket.destroy())
      socket.pipe(stream).pipe(socket)
    })
    req.flushHeaders()
    if (!hasBody) {
      req.end()
      return
    }
    stream.on('trailers', (_headers: IncomingHttpHeaders, _flags: number, more: string[]) => {
      req.addTrailers(pairs(more) as never)
    })
    stream.pipe(req)
  }
}

function answer(stream: ServerHttp2Stream, res: IncomingMessage, lost: () => void): void {
  if (stream.destroyed) return
  const head: OutgoingHttpHeaders = { ':status': res.statusCode ?? 0, ...byName(res.rawHeaders) }
  stream.respond(head, { waitForTrailers: true, sendDate: false } as never)
  stream.on('wantTrailers', () => stream.sendTrailers(byName(res.rawTrailers)))
  res.on('error', lost)
  res.on('aborted', lost)
  if (!stream.writableEnded) res.pipe(stream)
  else res.resume()
}

/** Fields as Node wants them, without those that HTTP/2 does not have. */
function byName(raw: readonly string[]): OutgoingHttpHeaders {
  const headers: OutgoingHttpHeaders = Object.create(null)
  for (let i = 0; i < raw.length; i += 2) {
    const name = (raw[i] as string).toLowerCase()
    if (connectionFields.has(name)) continue
    const value = raw[i + 1] as string
    headers[name] = headers[name] === undefined ? value : [headers[name] as string | string[], value].flat()
  }
  return headers
}

function pairs(flat: readonly string[]): [string, string][] {
  return Array.from({ length: flat.length / 2 }, (_, i) => [flat[2 * i] as string, flat[2 * i + 1] as string])
}
