/** One request of the `http-proxy` transport; what is kept away from the package, and why, is told beside it. */

import type { EventEmitter } from 'node:events'
import type { ClientRequest, IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type HttpProxy from 'http-proxy'
import { ProxyError } from '../../errors.js'
import type { ServerAddress } from '../../pool/address.js'
import type { Connections } from '../connections.js'
import { checkResponseHead } from '../response-head.js'
import type { Carriage, CarriageEvents, RawHeaders, TransportRequest } from '../transport.js'
import type { HttpProxyOptions } from './transport.js'

/** What http-proxy takes for the client's request. */
export interface RequestStandIn {
  readonly method: string
  readonly url: string
  readonly headers: Record<string, string | string[]>
  readonly socket: { readonly destroyed: boolean }
  readonly carriage: HttpProxyCarriage
  on(): RequestStandIn
  pipe(): void
}

const finishedResponse = { headersSent: true, finished: true }

export class HttpProxyCarriage implements Carriage {
  readonly #package: HttpProxy
  readonly #listeners: EventEmitter
  readonly #connections: Connections
  readonly #address: ServerAddress
  readonly #options: HttpProxyOptions
  readonly #request: TransportRequest
  readonly #events: CarriageEvents
  #giveUp: () => void
  #proxyReq: ClientRequest | undefined
  #response: IncomingMessage | undefined
  #keepAliveHint: number | undefined
  #reused = false
  #over = false

  constructor(
    httpProxy: HttpProxy,
    listeners: EventEmitter,
    connections: Connections,
    address: ServerAddress,
    options: HttpProxyOptions,
    request: TransportRequest,
    events: CarriageEvents,
  ) {
    this.#package = httpProxy
    this.#listeners = listeners
    this.#connections = connections
    this.#address = address
    this.#options = options
    this.#request = request
    this.#events = events
    this.#giveUp = connections.acquire(request.fresh, !request.idempotent, {
      connected: (socket, reused) => this.#connected(socket, reused),
      unconnected: (error) => this.#fail(error),
    })
  }

  write(chunk: Uint8Array): boolean {
    return this.#proxyReq?.write(chunk) ?? true
  }

  end(trailers: RawHeaders): void {
    if (trailers.length > 0) this.#proxyReq?.addTrailers(pairs(trailers))
    this.#proxyReq?.end()
  }

  resume(): void {
    this.#response?.resume()
  }

  abort(): void {
    // After the end of the answer too, the request may still go on.
    if (this.#over && (this.#response === undefined || this.#proxyReq?.writableFinished)) return
    this.#over = true
    if (this.#proxyReq === undefined) this.#giveUp()
    else this.#proxyReq.destroy()
  }

  /** The package has made the request, and its head can still be changed. */
  begin(proxyReq: ClientRequest): void {
    if (this.#over) {
      proxyReq.destroy()
      return
    }
    const { target, upgrade, hasBody, source } = this.#request
    // The package would have collapsed doubled slashes.
    proxyReq.path = target
    // Only now: a request that is made with it sends its head at once, before anybody can change it.
    const expect = headerValue(this.#request.headers, 'expect')
    if (expect !== undefined) proxyReq.setHeader('Expect', expect)
    if (source === undefined) {
      // A request of the proxy's own: nobody else has to do with it.
    } else if (upgrade === undefined) this.#listeners.emit('proxyReq', proxyReq, source.req, source.res, this.#options)
    else this.#listeners.emit('proxyReqWs', proxyReq, source.req, source.req.socket, this.#options, Buffer.alloc(0))
    proxyReq.on('drain', () => {
      if (!this.#over) this.#events.drained()
    })
    if (!hasBody) this.#guarded(() => proxyReq.end())
    else if (expect !== undefined) this.#guarded(() => proxyReq.flushHeaders())
    // The body often follows in the same turn: one packet for both. The head does not wait for it any longer.
    else setImmediate(() => this.#guarded(() => proxyReq.flushHeaders()))
    if (!this.#over) this.#events.connected(this, this.#reused)
  }

  /** Node may refuse a head as late as it writes it. */
  #guarded(write: () => void): void {
    try {
      write()
    } catch (error) {
      this.#fail(new ProxyError('ERR_BAD_REQUEST', (error as Error).message, { cause: error }))
      this.#proxyReq?.destroy()
    }
  }

  #connected(socket: Socket, reused: boolean): void {
    if (this.#over) {
      socket.destroy()
      return
    }
    this.#reused = reused
    const { secure, host, port, socketPath } = this.#address
    const standIn: RequestStandIn = {
      method: this.#request.method,
      url: '/',
      headers: requestHeaders(this.#request),
      socket: { destroyed: false },
      carriage: this,
      on: () => standIn,
      pipe: () => {},
    }
    const target = { protocol: secure ? 'https:' : 'http:', host, hostname: host, port, socketPath, path: '' }
    // The agent that Node asks for a connection: it has this one, and is told when the connection is free again.
    const agent = {
      keepAlive: true,
      addRequest: (proxyReq: ClientRequest) => {
        this.#prepare(proxyReq, socket)
        proxyReq.reusedSocket = reused
        ;(proxyReq as ClientRequest & { onSocket(socket: Socket): void }).onSocket(socket)
      },
    }
    try {
      this.#package.web(
        standIn as unknown as IncomingMessage,
        finishedResponse as never,
        { ...this.#options, target, agent } as never,
        (error) => this.#lost(error),
      )
    } catch (error) {
      // Node refuses to send such a head at all.
      socket.destroy()
      this.#fail(new ProxyError('ERR_BAD_REQUEST', (error as Error).message, { cause: error }))
    }
  }

  #prepare(proxyReq: ClientRequest, socket: Socket): void {
    this.#proxyReq = proxyReq
    // Node writes a head that goes out by itself as UTF-8, and so its bytes beyond ASCII as others.
    socket.setDefaultEncoding('latin1')
    socket.once('free', () => {
      this.#connections.release(socket, this.#keepAliveHint)
    })
    proxyReq.on('information', ({ statusCode, rawHeaders }) => {
      if (!this.#over && statusCode !== 101) this.#events.informational(statusCode, rawHeaders)
    })
    proxyReq.on('response', (response) => this.#respond(response))
    proxyReq.on('upgrade', (response, upgraded, rest) => this.#upgrade(response, upgraded, rest))
  }

  #respond(response: IncomingMessage): void {
    this.#response = response
    response.on('error', ignore)
    if (this.#over) return
    const { source, method } = this.#request
    const headers = this.#offer(response, () => {
      if (source !== undefined) this.#listeners.emit('proxyRes', response, source.req, source.res)
    })
    try {
      if (response.statusCode === 101)
        throw new ProxyError('ERR_UPGRADE_INVALID', 'the server answered 101 without Upgrade')
      const head = checkResponseHead(method, response.statusCode ?? 0, response.statusMessage ?? '', headers)
      this.#keepAliveHint = head.keepAliveHint
      this.#events.response(head)
    } catch (error) {
      this.#fail(error as ProxyError)
      this.#proxyReq?.destroy()
      return
    }
    setImmediate(() => {
      if (!this.#over) this.#events.flush()
    })
    response.on('data', (chunk: Buffer) => {
      if (!this.#over && !this.#events.data(chunk)) response.pause()
    })
    response.on('end', () => {
      if (this.#over || !response.complete) return
      this.#over = true
      this.#events.end(response.rawTrailers)
    })
    response.on('close', () => {
      this.#fail(new ProxyError('ERR_RESPONSE_INCOMPLETE', 'the connection closed before the answer was complete'))
    })
  }

  #upgrade(response: IncomingMessage, socket: Duplex, rest: Buffer): void {
    if (this.#over || this.#request.upgrade === undefined) {
      socket.destroy()
      this.#fail(new ProxyError('ERR_UPGRADE_INVALID', 'the server changed the protocol without being asked'))
      return
    }
    this.#over = true
    const head = { status: 101, reason: response.statusMessage ?? '', headers: response.rawHeaders, hasBody: false }
    this.#events.upgraded(head, socket, rest)
  }

  /** Lets listeners of `proxyRes` change `response.headers`, as http-proxy's users do, and gives the fields to send. */
  #offer(response: IncomingMessage, emit: () => void): RawHeaders {
    if (this.#listeners.listenerCount('proxyRes') === 0) return response.rawHeaders
    // Listeners may change lists in place.
    const before = structuredClone({ ...response.headers })
    emit()
    const after = response.headers
    const names = new Set([...Object.keys(before), ...Object.keys(after)])
    const changed = new Set([...names].filter((name) => !isSame(before[name], after[name])))
    const kept: string[] = []
    for (let i = 0; i < response.rawHeaders.length; i += 2) {
      const [name, value] = response.rawHeaders.slice(i, i + 2) as [string, string]
      if (!changed.has(name.toLowerCase())) kept.push(name, value)
    }
    for (const name of changed) {
      for (const value of [after[name] ?? []].flat()) kept.push(name, value)
    }
    return kept
  }

  #lost(error: Error & { code?: string }): void {
    // What comes behind a complete answer belongs to nobody, and does it no harm.
    if (this.#response?.complete) return
    const message = error.message
    if (this.#response !== undefined) this.#fail(new ProxyError('ERR_RESPONSE_INCOMPLETE', message, { cause: error }))
    else if (error.code?.startsWith('HPE_'))
      this.#fail(new ProxyError('ERR_RESPONSE_INVALID', message, { cause: error }))
    else this.#fail(new ProxyError('ERR_CONNECTION_LOST', message, { cause: error }))
  }

  #fail(error: ProxyError): void {
    if (this.#over) return
    this.#over = true
    this.#events.failed(error)
  }
}

function requestHeaders({ headers, upgrade }: TransportRequest): Record<string, string | string[]> {
  const byLowerCase = new Map<string, string>()
  const result: Record<string, string | string[]> = {}
  for (let i = 0; i < headers.length; i += 2) {
    const [name, value] = headers.slice(i, i + 2) as [string, string]
    const lower = name.toLowerCase()
    if (lower === 'expect') continue
    const known = byLowerCase.get(lower)
    if (known === undefined) {
      byLowerCase.set(lower, name)
      result[name] = value
    } else {
      result[known] = [result[known] as string | string[], value].flat()
    }
  }
  // `TE` is for this connection (RFC 9110 §10.1.4).
  const kept = byLowerCase.has('te') ? 'keep-alive, TE' : 'keep-alive'
  result.Connection = upgrade === undefined ? kept : 'Upgrade'
  return result
}

function headerValue(headers: RawHeaders, lowerName: string): string | undefined {
  for (let i = 0; i < headers.length; i += 2) {
    if (headers[i]?.toLowerCase() === lowerName) return headers[i + 1]
  }
  return undefined
}

function pairs(flat: RawHeaders): [string, string][] {
  return Array.from({ length: flat.length / 2 }, (_, i) => [flat[2 * i] as string, flat[2 * i + 1] as string])
}

function isSame(a: string | string[] | undefined, b: string | string[] | undefined): boolean {
  if (!Array.isArray(a) || !Array.isArray(b)) return a === b
  return a.length === b.length && a.every((value, i) => value === b[i])
}

function ignore(): void {}
