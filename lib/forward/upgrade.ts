/**
 * Requests that want to change the protocol: WebSocket and its like over HTTP/1.1 (RFC 9110 §7.8), WebSocket over
 * HTTP/2 (RFC 8441). Each becomes an ordinary exchange, with a `ServerResponse` on the client's side, so that matching,
 * balancing, failover and refusals are those of any request; only the acceptance differs.
 */

import { createHash } from 'node:crypto'
import { type IncomingMessage, ServerResponse } from 'node:http'
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2'
import type { Duplex } from 'node:stream'
import { ProxyError } from '../errors.js'
import type { Random } from '../random.js'
import type { ResponseHead } from '../transports/transport.js'
import { byName } from './client-response.js'
import { Tunnel } from './tunnel.js'

/** Bytes that a client may send before the server has agreed; then it has to wait. */
const earlyLimit = 64 * 1024

/** Takes over when the server has changed the protocol. */
export interface UpgradeSide {
  /** The protocol that the client asked for. */
  readonly protocol: string
  /** Method and fields that the server is to see, where they differ from the client's (RFC 8441). */
  readonly method: string
  readonly extraFields: readonly string[]
  /** Answers the client, and joins both sides. */
  accept(fields: readonly string[], head: ResponseHead, upstream: Duplex, rest: Buffer): Tunnel
}

/**
 * Dresses the raw socket of an upgrade as a response, which closes the connection when it is finished. Undefined when
 * the socket still belongs to the answer of an earlier request: a client that does not wait for it before it changes the
 * protocol gets that answer, and then the end (RFC 9110 §7.8 has nothing for this).
 */
export function responseOn(req: IncomingMessage, socket: Duplex): ServerResponse | undefined {
  // First of all: an error without a listener would end the process.
  socket.on('error', ignore)
  const { _httpMessage: earlier } = socket as { _httpMessage?: ServerResponse | null }
  if (earlier !== undefined && earlier !== null) {
    earlier.once('finish', () => endSoon(socket))
    return undefined
  }
  const res = new ServerResponse(req)
  res.shouldKeepAlive = false
  res.assignSocket(socket as never)
  socket.on('drain', () => res.emit('drain'))
  res.on('finish', () => endSoon(socket))
  return res
}

/** Closes it when everything is written. Not every stream that newer Nodes give to an upgrade is a socket. */
function endSoon(socket: Duplex & { destroySoon?: () => void }): void {
  if (socket.destroySoon === undefined) socket.end(() => socket.destroy())
  else socket.destroySoon()
}

/** An upgrade of HTTP/1.1. `head` is what the client sent beyond its request. */
export class SocketUpgrade implements UpgradeSide {
  readonly protocol: string
  readonly method: string
  readonly extraFields: readonly string[] = []
  readonly #socket: Duplex
  readonly #res: ServerResponse
  readonly #early: Buffer[]
  #earlySize: number

  constructor(req: IncomingMessage, socket: Duplex, head: Buffer, res: ServerResponse) {
    this.protocol = req.headers.upgrade ?? ''
    this.method = req.method ?? 'GET'
    this.#socket = socket
    this.#res = res
    this.#early = head.length > 0 ? [head] : []
    this.#earlySize = head.length
    // Reading is the only way to learn that the client has gone.
    socket.on('data', this.#keep)
    socket.on('end', this.#gone)
    socket.resume()
  }

  accept(fields: readonly string[], head: ResponseHead, upstream: Duplex, rest: Buffer): Tunnel {
    this.#socket.off('data', this.#keep)
    this.#socket.off('end', this.#gone)
    this.#res.detachSocket(this.#socket as never)
    let text = `HTTP/1.1 101 ${head.reason === '' ? 'Switching Protocols' : head.reason}\r\n`
    for (let i = 0; i < fields.length; i += 2) text += `${fields[i]}: ${fields[i + 1]}\r\n`
    this.#socket.write(`${text}Connection: Upgrade\r\nUpgrade: ${protocolOf(head) ?? this.protocol}\r\n\r\n`, 'latin1')
    const tunnel = new Tunnel(this.#socket, upstream, isWebSocket(this.protocol))
    tunnel.passOn(rest, Buffer.concat(this.#early))
    return tunnel
  }

  readonly #keep = (chunk: Buffer): void => {
    this.#early.push(chunk)
    this.#earlySize += chunk.length
    if (this.#earlySize > earlyLimit) this.#socket.pause()
  }

  readonly #gone = (): void => {
    this.#socket.destroy()
  }
}

const webSocketGuid = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'

/** A WebSocket over an HTTP/2 stream: towards the server the proxy shakes hands by itself (RFC 6455 §4). */
export class StreamUpgrade implements UpgradeSide {
  readonly protocol = 'websocket'
  readonly method = 'GET'
  readonly extraFields: readonly string[]
  readonly #res: Http2ServerResponse
  readonly #key: string

  constructor(res: Http2ServerResponse, random: Random) {
    this.#res = res
    this.#key = random.bytes(16).toString('base64')
    this.extraFields = ['Sec-WebSocket-Key', this.#key]
  }

  accept(fields: readonly string[], head: ResponseHead, upstream: Duplex, rest: Buffer): Tunnel {
    const expected = createHash('sha1')
      .update(this.#key + webSocketGuid)
      .digest('base64')
    if (fieldOf(head, 'sec-websocket-accept') !== expected) {
      upstream.destroy()
      throw new ProxyError('ERR_UPGRADE_INVALID', 'the server answered the WebSocket handshake with a wrong key')
    }
    const headers = byName(fields)
    delete headers['sec-websocket-accept']
    const { stream } = this.#res
    stream.respond({ ...headers, ':status': 200 })
    const tunnel = new Tunnel(stream, upstream, true)
    tunnel.passOn(rest, Buffer.alloc(0))
    return tunnel
  }
}

/** Whether an HTTP/2 `CONNECT` asks for a WebSocket (RFC 8441 §4). */
export function wantsWebSocket(req: Http2ServerRequest): boolean {
  return req.headers[':protocol'] === 'websocket'
}

/** `h2c` was for clients that do not know whether a server speaks HTTP/2; it is obsolete, and a way past proxies. */
export function isH2c(req: IncomingMessage): boolean {
  return (req.headers.upgrade ?? '')
    .toLowerCase()
    .split(/[\s,]+/)
    .includes('h2c')
}

function isWebSocket(protocol: string): boolean {
  return protocol.toLowerCase() === 'websocket'
}

function protocolOf(head: ResponseHead): string | undefined {
  return fieldOf(head, 'upgrade')
}

function fieldOf(head: ResponseHead, lowerName: string): string | undefined {
  const at = head.headers.findIndex((name, i) => i % 2 === 0 && name.toLowerCase() === lowerName)
  return at < 0 ? undefined : head.headers[at + 1]
}

function ignore(): void {}
