/**
 * One request under way, from its head to the last byte of its answer.
 *
 *     begin → (wait for a server) → Attempt → … → Attempt → answer → end
 *
 * The exchange holds what stays the same from try to try: the client's request, the fields that go out, the body, the
 * deadline. Each try is an `Attempt`, which reports back here.
 */

import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import { type ErrorCode, ProxyError } from '../errors.js'
import type { Lease } from '../pool/lease.js'
import type { Member } from '../pool/member.js'
import type { PoolRequest } from '../pool/pool.js'
import type { Waiter } from '../pool/queue.js'
import type { Carriage, RawHeaders, ResponseHead, TransportRequest, Upstream } from '../transports/transport.js'
import { Attempt } from './attempt.js'
import { type ClientFacts, clientFacts } from './client.js'
import { ClientResponse } from './client-response.js'
import { leaveContinueToServer } from './continue.js'
import { Deadline } from './deadline.js'
import { errorAnswer } from './error-answer.js'
import { isIdempotent, nextTry } from './failover.js'
import type { Forwarder } from './forwarder.js'
import { type Framing, requestFraming } from './framing.js'
import { hashKey, readCookie } from './hash-key.js'
import { endToEndTrailers } from './hop-by-hop.js'
import { type BodyListener, consumedBody, RemadeBody, RequestBody } from './request-body.js'
import { requestHead, withHost } from './request-head.js'
import { type ClientTarget, requestTarget } from './request-target.js'
import { informationalHead, responseHead } from './response-head.js'
import type { Route } from './route.js'
import type { Tunnel } from './tunnel.js'

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

export class Exchange implements PoolRequest, Waiter, BodyListener {
  readonly route: Route
  readonly req: IncomingMessage
  readonly res: ServerResponse
  readonly begun: number
  slots = 0
  failedOpen = false
  attempt = 0
  readonly #forwarder: Forwarder
  readonly #target: ClientTarget
  readonly #host: string
  readonly #upgrade: UpgradeSide | undefined
  readonly #client: ClientResponse
  readonly #deadline: Deadline
  readonly #tried = new Set<Member<Upstream>>()
  #facts: ClientFacts | undefined
  #framing: Framing = { hasBody: false, length: undefined }
  #fields: readonly string[] = []
  #targetOut = ''
  #body: RequestBody | RemadeBody | undefined
  #current: Attempt | undefined
  #tunnel: Tunnel | undefined
  #lastError: ProxyError | undefined
  #lastServer: string | undefined
  #status = 0
  /** The whole answer was handed to the client's connection. */
  #complete = false
  #error: ProxyError | undefined
  #ended = false

  constructor(
    forwarder: Forwarder,
    route: Route,
    req: IncomingMessage,
    res: ServerResponse,
    target: ClientTarget,
    host: string,
    upgrade?: UpgradeSide,
  ) {
    this.#forwarder = forwarder
    this.route = route
    this.req = req
    this.res = res
    this.begun = forwarder.clock.now()
    this.#target = target
    this.#host = host
    this.#upgrade = upgrade
    this.#client = new ClientResponse(req, res, forwarder.clock, () => this.#current?.resume())
    this.#deadline = new Deadline(forwarder.clock)
  }

  /** Everything that can be known before a server is chosen; then the first try. */
  begin(): void {
    this.res.on('close', () => this.#clientClosed())
    // An error of either shows as its close; without listeners it would end the process.
    this.res.on('error', ignore)
    this.req.on('error', ignore)
    this.#forwarder.entered(this)
    this.route.budget.request()
    if (this.res.closed) {
      this.#clientClosed()
      return
    }
    try {
      this.#prepare()
    } catch (error) {
      this.#refuse(asProxyError(error))
      return
    }
    this.#next()
  }

  // What the pool and its balancer may ask.

  connectionNumber(): number {
    return this.#forwarder.connectionNumbers.of(this.req)
  }

  clientAddress(): string {
    return this.#facts?.address ?? ''
  }

  hashKey(): string {
    return hashKey(this.route.pool.options.hashKey, this.req, this.#target, this.clientAddress())
  }

  stickyToken(): string | undefined {
    const name = this.route.pool.options.stickyCookie
    return name === undefined ? undefined : readCookie(this.req, name)
  }

  // What the queue says.

  ready(): boolean {
    return this.#lease() === 'begun'
  }

  refused(error: ProxyError): void {
    this.#refuse(this.#lastError ?? error)
  }

  // What the body says.

  bodyMoved(): void {
    this.#deadline.set(this.route.options.idleTimeout, this.#idle)
  }

  bodySent(): void {
    if (!this.#client.started) this.#awaitResponse()
  }

  bodyTooLarge(): void {
    this.#abandon()
    this.#refuse(new ProxyError('ERR_BODY_TOO_LARGE'))
  }

  // What the current try says.

  /** All of the client's request has been read. */
  get uploadComplete(): boolean {
    return this.#body === undefined || this.#body.complete
  }

  transportRequest(member: Member<Upstream>, fresh: boolean): TransportRequest {
    const method = this.#upgrade?.method ?? this.req.method ?? 'GET'
    return {
      method,
      target: this.#targetOut,
      headers: this.route.options.preserveHost ? this.#fields : withHost(this.#fields, member.server.address.authority),
      hasBody: this.#body !== undefined,
      upgrade: this.#upgrade?.protocol,
      idempotent: isIdempotent(method),
      fresh,
      source: { req: this.req, res: this.res },
    }
  }

  sendBody(carriage: Carriage): void {
    if (this.#body === undefined) {
      this.#awaitResponse()
      return
    }
    this.#deadline.set(this.route.options.idleTimeout, this.#idle)
    this.#body.sendTo(carriage)
  }

  bodyDrained(): void {
    this.#body?.drained()
  }

  inform(status: number, headers: RawHeaders): void {
    // The server's own host has answered `100-continue` already where nobody told it to leave that to the proxy.
    if (status === 100 && (this.res as { _sent100?: boolean })._sent100 === true) return
    this.#client.informational(status, informationalHead(headers))
  }

  respond(attempt: Attempt, head: ResponseHead): void {
    const { failStatus } = this.route.pool.options
    if (failStatus?.(head.status)) attempt.lease.failed(`it answered ${head.status}`)
    else attempt.lease.succeeded()
    if (this.route.options.retryOn.statuses?.(head.status) && this.#retryInstead(attempt, head.status)) return
    this.#deadline.set(this.route.options.idleTimeout, this.#idle)
    this.#status = head.status
    const chunked = this.#client.willBeChunked(head.headers, head.hasBody)
    const fields = responseHead({
      head,
      options: this.route.options,
      client: this.#facts as ClientFacts,
      server: attempt.lease.member.server.address,
      stickyCookie: this.#stickyCookie(attempt.lease.member),
      chunked,
    })
    try {
      this.#client.head(head.status, head.reason, fields, head.hasBody, this.uploadComplete)
    } catch (error) {
      attempt.fail(new ProxyError('ERR_RESPONSE_INVALID', (error as Error).message, { cause: error }))
    }
  }

  respondData(chunk: Buffer): boolean {
    this.#deadline.set(this.route.options.idleTimeout, this.#idle)
    return this.#client.write(chunk)
  }

  respondEnd(trailers: RawHeaders): void {
    this.#deadline.clear()
    this.#body?.detach()
    this.#complete = true
    this.#client.end(endToEndTrailers(trailers))
  }

  upgraded(attempt: Attempt, head: ResponseHead, upstream: Duplex, rest: Buffer): void {
    this.#deadline.clear()
    attempt.lease.succeeded()
    this.#status = 101
    const fields = responseHead({
      head,
      options: this.route.options,
      client: this.#facts as ClientFacts,
      server: attempt.lease.member.server.address,
      stickyCookie: this.#stickyCookie(attempt.lease.member),
      chunked: false,
    })
    try {
      this.#tunnel = (this.#upgrade as UpgradeSide).accept(fields, head, upstream, rest)
    } catch (error) {
      upstream.destroy()
      attempt.lease.release()
      this.#refuse(asProxyError(error))
      return
    }
    this.#tunnel.run(this.#forwarder.clock, this.route.options.tunnelTimeout, () => {
      attempt.lease.release()
      this.#finish(undefined)
    })
  }

  attemptFailed(attempt: Attempt, error: ProxyError): void {
    const { lease, fresh } = attempt
    this.#deadline.clear()
    this.#body?.detach()
    this.#lastError = error
    const stale = attempt.reused && !attempt.answered && !fresh
    const next = nextTry(
      {
        error,
        method: this.req.method ?? 'GET',
        tries: this.attempt + 1,
        replayable: this.#body?.replayable ?? true,
        responseStarted: this.#client.started,
        stale,
      },
      this.route.options,
      this.route.budget,
    )
    // A kept connection that was closed as it was taken is not the server's failure.
    if (error.fault === 'server' && !(stale && error.code === 'ERR_CONNECTION_LOST')) lease.failed(error.message)
    if (next === 'same-server') {
      this.#current = new Attempt(this, lease, true)
      return
    }
    lease.release()
    if (next === 'none') this.#refuse(error)
    else this.#again(lease.member, error)
  }

  // The end, from outside.

  /** Finishes it soon: a tunnel is told to close. Anything else goes on. */
  drain(): void {
    this.#tunnel?.closeSoon()
  }

  /** Ends it now. */
  cut(): void {
    this.#tunnel?.destroy()
    if (this.#tunnel === undefined) this.#client.destroy()
  }

  #prepare(): void {
    const { options } = this.route
    this.#facts = clientFacts(this.req, this.#host, options.trustProxy)
    this.#framing = requestFraming(this.req)
    const { length } = this.#framing
    if (options.maxBodySize > 0 && length !== undefined && length > options.maxBodySize) {
      throw new ProxyError('ERR_BODY_TOO_LARGE')
    }
    if (this.#upgrade === undefined) this.#prepareBody()
    else this.#framing = { hasBody: false, length: undefined }
    this.#fields = requestHead({
      req: this.req,
      options,
      framing: this.#framing,
      client: this.#facts,
      host: this.#host,
      upgrade: this.#upgrade?.protocol,
    })
    if (this.#upgrade !== undefined) this.#fields = [...this.#fields, ...this.#upgrade.extraFields]
    this.#targetOut = requestTarget(this.#target, options)
  }

  #prepareBody(): void {
    const { maxBodySize, retryBuffer } = this.route.options
    const remade = consumedBody(this.req, this.#framing)
    if (remade !== undefined) {
      this.#framing = { hasBody: true, length: remade.length }
      this.#body = new RemadeBody(remade, this)
    } else if (this.#framing.hasBody) {
      leaveContinueToServer(this.req)
      const replayLimit = isIdempotent(this.req.method ?? 'GET') || this.route.options.retryOn.nonIdempotent
      this.#body = new RequestBody(this.req, this, maxBodySize, replayLimit ? retryBuffer : 0)
    }
  }

  #next(): void {
    const result = this.#lease()
    if (result === 'begun' || this.#ended) return
    if (result === 'none') {
      this.#refuse(this.#lastError ?? new ProxyError('ERR_NO_SERVER', `no server of ${this.route.name} is eligible`))
      return
    }
    try {
      this.route.pool.queue.join(this)
    } catch (error) {
      this.#refuse(this.#lastError ?? asProxyError(error))
    }
  }

  /** Asks for a server, and sends the request there. */
  #lease(): 'begun' | 'none' | 'full' {
    let lease: Lease<Upstream> | 'none' | 'full'
    try {
      lease = this.route.pool.lease(this, this.#tried)
    } catch (error) {
      // A balancer of the user's own may throw.
      this.#refuse(asProxyError(error))
      return 'begun'
    }
    if (typeof lease === 'string') return lease
    this.#send(lease)
    return 'begun'
  }

  #send(lease: Lease<Upstream>): void {
    this.#tried.add(lease.member)
    this.#lastServer = lease.member.id
    this.#forwarder.sent(this, lease.member)
    this.#current = new Attempt(this, lease, false)
  }

  #again(failed: Member<Upstream>, error: ProxyError): void {
    this.#forwarder.retried(this, failed, error)
    this.attempt++
    this.#current = undefined
    this.#next()
  }

  /** An answer that another server might better, if there is one. */
  #retryInstead(attempt: Attempt, status: number): boolean {
    const error = new ProxyError('ERR_RESPONSE_STATUS', `the server answered ${status}`)
    const { options, budget, pool } = this.route
    const failed = {
      error,
      method: this.req.method ?? 'GET',
      tries: this.attempt + 1,
      replayable: this.#body?.replayable ?? true,
      responseStarted: false,
      stale: false,
    }
    const others = pool.members.some(
      (member) =>
        !this.#tried.has(member) && ['eligible', 'trial', 'waiting as a backup'].includes(pool.standing(member)),
    )
    if (!others || nextTry(failed, options, budget) !== 'other-server') return false
    attempt.cancel()
    this.#body?.detach()
    this.#again(attempt.lease.member, error)
    return true
  }

  #awaitResponse(): void {
    this.#deadline.set(this.route.options.responseTimeout, () => {
      const message = `no answer within ${this.route.options.responseTimeout} ms`
      this.#current?.fail(new ProxyError('ERR_RESPONSE_TIMEOUT', message))
    })
  }

  readonly #idle = (): void => {
    const message = `no byte moved for ${this.route.options.idleTimeout} ms`
    const uploads = this.#body !== undefined && !this.#body.complete && !this.#body.waitsForServer
    const clientStalled = this.#client.started ? this.res.writableNeedDrain : uploads
    const code: ErrorCode = clientStalled ? 'ERR_REQUEST_TIMEOUT' : 'ERR_IDLE_TIMEOUT'
    this.#current?.fail(new ProxyError(code, message))
  }

  #stickyCookie(member: Member<Upstream>): string | undefined {
    const { stickyCookie } = this.route.pool.options
    if (stickyCookie === undefined) return undefined
    const token = this.route.pool.stickyToken(member)
    if (this.stickyToken() === token) return undefined
    const secure = this.#facts?.proto === 'https' ? '; Secure' : ''
    return `${stickyCookie}=${token}; Path=/; HttpOnly; SameSite=Lax${secure}`
  }

  /** Answers with an error, or breaks off an answer that has begun. */
  #refuse(error: ProxyError): void {
    if (this.#ended || this.#error !== undefined) return
    this.#error = error
    if (this.#client.started) {
      this.#client.destroy()
      return
    }
    const page = this.route.options.errorPage.get(error.status)
    const { status, fields, body } = errorAnswer(this.req, error, page, this.route.pool.retryAfter)
    this.#status = status
    const hasBody = this.req.method !== 'HEAD'
    try {
      // Of a malformed request nobody knows where it ends.
      const readToEnd = error.code !== 'ERR_BAD_REQUEST' && (!this.#framing.hasBody || this.uploadComplete)
      this.#client.head(status, STATUS_CODES[status] ?? '', fields, hasBody, readToEnd)
      if (hasBody) this.#client.write(body)
      this.#complete = true
      this.#client.end([])
    } catch {
      this.#client.destroy()
    }
  }

  #abandon(): void {
    this.#deadline.clear()
    this.route.pool.queue.leave(this)
    this.#body?.detach()
    this.#current?.cancel()
  }

  /** The client's side is closed: it has got everything, or it left. */
  #clientClosed(): void {
    if (this.#ended || this.#tunnel !== undefined) return
    this.#abandon()
    const gone = !(this.#complete && this.res.writableFinished)
    if (gone && this.#error === undefined) {
      this.#error = new ProxyError('ERR_CLIENT_GONE')
      if (!this.#client.started) this.#status = 499
    }
    this.#finish(this.#error)
  }

  #finish(error: ProxyError | undefined): void {
    if (this.#ended) return
    this.#ended = true
    this.#deadline.clear()
    this.#forwarder.left(this, {
      entry: this.route.name,
      method: this.req.method ?? 'GET',
      url: this.req.url ?? '',
      status: this.#status,
      server: this.#lastServer,
      attempts: this.#lastServer === undefined ? 0 : this.attempt + 1,
      duration: this.#forwarder.clock.now() - this.begun,
      error,
    })
  }
}

function asProxyError(error: unknown): ProxyError {
  if (error instanceof ProxyError) return error
  return new ProxyError('ERR_INTERNAL', error instanceof Error ? error.message : String(error), { cause: error })
}

function ignore(): void {}
