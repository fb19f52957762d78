/** The management API over HTTP: listens, checks who calls, and answers. */

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import type { Clock } from '../clock.js'
import type { Control } from '../forward/control.js'
import type { Logger } from '../forward/events.js'
import { serviceListenProblem } from '../pool/service-address.js'
import { Access } from './access.js'
import { calls } from './api.js'
import { refuseMalformed } from './bad-head.js'
import { readBody } from './body.js'
import { ApiError, toApiError } from './errors.js'
import { EventStreams } from './event-streams.js'
import { formatManagementAddress, type ManagementAddress, type ManagementOptions } from './options.js'
import { type Answer, type Asset, eventStream, json, type Parts } from './route.js'
import { type Found, Router } from './router.js'
import { Sockets } from './sockets.js'

/** How long calls under way may take once the server stops, in milliseconds. */
const closeTimeout = 2_000

/** On every answer. There are no fields that would let pages of other sites read it. */
const commonHeaders = [
  ['X-Content-Type-Options', 'nosniff'],
  ['Cross-Origin-Resource-Policy', 'same-origin'],
] as const

/** What a {@link ManagementServer} is made of. */
export interface ManagementParts {
  readonly control: Control
  readonly options: ManagementOptions
  readonly logger: Logger
  readonly clock: Clock
  /** Of the package, for `GET /`. */
  readonly version: string
  /** The page for Prometheus. Left out: `GET /metrics` is 404. */
  readonly metrics?: (() => Promise<{ contentType: string; body: string }>) | undefined
  /** The dashboard's files by their path, as `/dashboard/app.js`. Left out: there is no dashboard. */
  readonly assets?: ((path: string) => Asset | undefined) | undefined
  /** Called with the path of a Unix socket before it is opened; makes way for it, or throws. Left out: nothing is removed. */
  readonly clearSocket?: ((path: string) => Promise<void>) | undefined
}

/** The management API of one proxy. */
export class ManagementServer {
  readonly #options: ManagementOptions
  readonly #logger: Logger
  readonly #clock: Clock
  readonly #clearSocket: (path: string) => Promise<void>
  readonly #access: Access
  readonly #router = new Router(calls)
  readonly #parts: Parts
  readonly #server: Server
  readonly #sockets: Sockets
  #listening: Promise<string> | undefined
  #closed: Promise<void> | undefined

  constructor(given: ManagementParts) {
    const { control, options, logger, clock, version, metrics, assets, clearSocket } = given
    this.#options = options
    this.#logger = logger
    this.#clock = clock
    this.#clearSocket = clearSocket ?? (async () => {})
    this.#access = new Access(options)
    const events = new EventStreams(control, clock, logger)
    this.#parts = { control, clock, version, events, metrics, assets: options.dashboard ? assets : undefined }
    this.#server = this.#createServer()
    this.#sockets = new Sockets(this.#server)
  }

  /** Opens the address of the options. Resolves with its URL; rejects with an Error that says what is in the way. */
  listen(): Promise<string> {
    this.#listening ??= this.#listen()
    return this.#listening
  }

  async #listen(): Promise<string> {
    const address = this.#options.listen
    if (address === undefined) throw new Error('the management API has no address; set Listen of [MANAGEMENT]')
    try {
      if (address.socketPath !== undefined) await this.#clearSocket(address.socketPath)
      await this.#open(address)
    } catch (error) {
      throw serviceListenProblem('the management API', address, error)
    }
    this.#server.on('error', (error) => this.#logger.error(`management: ${error.message}`))
    const bound = this.#server.address() as AddressInfo | string
    return formatManagementAddress(address, typeof bound === 'string' ? undefined : bound.port)
  }

  #open({ host, port, socketPath }: ManagementAddress): Promise<void> {
    const server = this.#server
    return new Promise((resolve, reject) => {
      server.once('error', reject)
      server.listen(socketPath === undefined ? { host: host || undefined, port } : { path: socketPath }, () => {
        server.off('error', reject)
        resolve()
      })
    })
  }

  /**
   * Takes no more calls, ends the event streams, and gives calls under way two seconds to end. The address is free as
   * soon as this returns.
   */
  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #close(): Promise<void> {
    // What is not open yet cannot be closed, and would open afterwards. What is open is closed at once: the address may
    // be wanted by the next one.
    if (!this.#server.listening) await this.#listening?.catch(() => {})
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()))
    this.#parts.events.close()
    this.#sockets.close()
    const timer = this.#clock.setTimeout(() => this.#sockets.cut(), closeTimeout)
    await closed
    timer.cancel()
  }

  #createServer(): Server {
    const server = createServer({
      // A request without Host gets an answer of this API's own form.
      requireHostHeader: false,
      insecureHTTPParser: false,
      maxHeaderSize: 16 * 1024,
      headersTimeout: 10_000,
      requestTimeout: 30_000,
      keepAliveTimeout: 30_000,
      connectionsCheckingInterval: 5_000,
    })
    // Whoever can connect may not take all file descriptors from the proxy.
    server.maxConnections = 1_000
    server.on('request', (request, response) => void this.#take(request, response))
    server.on('checkExpectation', (_, response: ServerResponse) => {
      refuse(response, new ApiError('bad_expectation', 'Expect may only say 100-continue'))
    })
    server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
      refuseMalformed(error, socket, this.#clock)
    })
    return server
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.#sockets.enter(request.socket, response)
    // A client that leaves is nobody's error here.
    for (const stream of [request, response]) stream.on('error', () => {})
    for (const [name, value] of commonHeaders) response.setHeader(name, value)
    try {
      await this.#answer(request, response)
    } catch (error) {
      const known = toApiError(error)
      if (known === undefined) this.#logger.error(`management: ${request.method} ${request.url}: ${describe(error)}`)
      refuse(response, known ?? new ApiError('internal', 'the proxy failed; its log says how'))
    }
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = '', url = '' } = request
    this.#access.checkSource(request)
    if (!this.#router.isOpen(url)) this.#access.checkToken(request)
    const found = this.#router.find(method, url)
    const answer = await this.#run(found, request)
    // A next call on this connection would find it closed.
    if (this.#closed !== undefined) response.shouldKeepAlive = false
    if (answer !== eventStream) send(response, answer)
    else if (method === 'HEAD') response.writeHead(200, { 'Content-Type': 'text/event-stream' }).end()
    else this.#parts.events.add(response)
    // Whoever changes something leaves a trace.
    if (found.route.method !== 'GET') this.#logger.info(`management: ${method} ${url} by ${callerOf(request)}`)
  }

  async #run({ route, parameters, query }: Found, request: IncomingMessage): Promise<Answer | typeof eventStream> {
    const body = route.body === undefined ? undefined : await readBody(request, route.body.schema)
    return route.run({ request, parameters, query, body }, this.#parts)
  }
}

function refuse(response: ServerResponse, error: ApiError): void {
  if (response.headersSent) return void response.destroy()
  send(response, json(error.body, error.status, error.headers))
}

function send(response: ServerResponse, { status, headers, body }: Answer): void {
  if (response.destroyed) return
  const length = status === 304 ? {} : { 'Content-Length': String(Buffer.byteLength(body)) }
  response.writeHead(status, { ...headers, ...length })
  response.end(body)
}

function callerOf({ socket }: IncomingMessage): string {
  return socket.remoteAddress ?? 'a Unix socket'
}

function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}
