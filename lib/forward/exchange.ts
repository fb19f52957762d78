/**
 * One request under way, from its head to the last byte of its answer. It is over when the client's side is closed.
 *
 * What stays the same from try to try is the `OutgoingRequest`, what the client gets is the `Answer`, `Failover` goes
 * from server to server, and each try is an `Attempt`, which reports back here.
 */

import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { ProxyError } from '../errors.js'
import type { Member } from '../pool/member.js'
import type { Carriage, RawHeaders, ResponseHead, Upstream } from '../transports/transport.js'
import { Answer } from './answer.js'
import type { Attempt } from './attempt.js'
import { peerAddress } from './client.js'
import { Deadline } from './deadline.js'
import { asProxyError, Failover } from './failover.js'
import type { Forwarder } from './forwarder.js'
import { OutgoingRequest } from './outgoing.js'
import { whenClosed } from './queued-answers.js'
import type { BodyListener } from './request-body.js'
import type { ClientTarget } from './request-target.js'
import type { Route } from './route.js'
import type { Tunnel } from './tunnel.js'
import type { UpgradeSide } from './upgrade.js'

export class Exchange implements BodyListener {
  readonly route: Route
  readonly req: IncomingMessage
  readonly res: ServerResponse
  readonly target: ClientTarget
  readonly answer: Answer
  readonly failover: Failover
  readonly begun: number
  /** Where the forwarder keeps it. */
  place = 0
  readonly #forwarder: Forwarder
  readonly #host: string
  readonly #upgrade: UpgradeSide | undefined
  readonly #deadline: Deadline
  #outgoing: OutgoingRequest | undefined
  #tunnel: Tunnel | undefined
  #ended = false
  /** Set while the answer waits for others on its connection. */
  #stopWatching: (() => void) | undefined

  constructor(
    forwarder: Forwarder,
    route: Route,
    req: IncomingMessage,
    res: ServerResponse,
    target: ClientTarget,
    host: string,
    upgrade: UpgradeSide | undefined,
  ) {
    this.route = route
    this.req = req
    this.res = res
    this.target = target
    this.begun = forwarder.clock.now()
    this.answer = new Answer(req, res, route, forwarder.clock, () => this.failover.current?.resume())
    this.failover = new Failover(this)
    this.#forwarder = forwarder
    this.#host = host
    this.#upgrade = upgrade
    this.#deadline = new Deadline(forwarder.deadlines, () => this.#late())
  }

  /** Everything that can be known before a server is chosen; then the first try. */
  begin(): void {
    this.res.on('close', () => this.#clientClosed())
    if (this.res.socket === null) this.#stopWatching = whenClosed(this.req.socket, () => this.#clientClosed())
    // An error of either shows as its close; without listeners it would end the process.
    this.res.on('error', ignore)
    this.req.on('error', ignore)
    this.#forwarder.entered(this)
    this.route.budget.request()
    // Pipelined behind an answer that closes the connection, a request has nobody to answer (RFC 9112 §9.6).
    if (this.res.closed || this.req.socket.writableEnded) {
      this.#clientClosed()
      return
    }
    try {
      this.#outgoing = new OutgoingRequest({
        req: this.req,
        res: this.res,
        options: this.route.options,
        target: this.target,
        host: this.#host,
        upgrade: this.#upgrade,
        bodyListener: this,
      })
    } catch (error) {
      this.refuse(asProxyError(error))
      return
    }
    this.failover.next()
  }

  /** There is one as soon as there can be a try. */
  get outgoing(): OutgoingRequest {
    return this.#outgoing as OutgoingRequest
  }

  /** As far as it was found out; empty for a Unix socket. */
  get clientAddress(): string {
    return this.#outgoing?.client.address ?? peerAddress(this.req)
  }

  /** The lowest number that no other open client connection holds. */
  connectionNumber(): number {
    return this.#forwarder.connectionNumbers.of(this.req)
  }

  // What the body says.

  bodyMoved(): void {
    this.#deadline.set(this.route.options.idleTimeout)
  }

  bodySent(): void {
    if (!this.answer.started) this.#deadline.set(this.route.options.responseTimeout)
  }

  bodyTooLarge(): void {
    this.#abandon()
    this.refuse(new ProxyError('ERR_BODY_TOO_LARGE'))
  }

  // What failover says.

  sending(member: Member<Upstream>): void {
    this.#forwarder.sent(this, member)
  }

  retrying(member: Member<Upstream>, error: ProxyError): void {
    this.#forwarder.retried(this, member, error)
  }

  /** Answers with an error, or breaks off an answer that has begun. */
  refuse(error: ProxyError): void {
    if (this.#ended || this.answer.error !== undefined) return
    // Of a request that was refused at once nobody has read the body, if there is one.
    const readToEnd = this.#outgoing?.complete ?? (error.code !== 'ERR_BAD_REQUEST' && !mayHaveBody(this.req))
    this.answer.refuse(error, readToEnd)
  }

  // What the current try says.

  /** Begins a try: its carriage reports to `attempt`. */
  carry(attempt: Attempt): Carriage {
    const { carrier, server } = attempt.lease.member
    return carrier.send(this.outgoing.to(server.address, attempt.fresh), attempt)
  }

  connected(carriage: Carriage): void {
    const { body } = this.outgoing
    if (body === undefined) {
      this.#deadline.set(this.route.options.responseTimeout)
    } else {
      this.#deadline.set(this.route.options.idleTimeout)
      body.sendTo(carriage)
    }
  }

  respond(attempt: Attempt, head: ResponseHead): void {
    const { lease } = attempt
    if (this.route.pool.options.failStatus?.(head.status)) lease.failed(`it answered ${head.status}`)
    else lease.succeeded()
    if (this.route.options.retryOn.statuses?.(head.status) && this.failover.insteadOf(attempt, head.status)) return
    this.#deadline.set(this.route.options.idleTimeout)
    try {
      this.answer.begin(head, lease.member, this.outgoing.client, this.outgoing.complete)
    } catch (error) {
      attempt.fail(asProxyError(error))
    }
  }

  respondData(chunk: Buffer): boolean {
    this.#deadline.set(this.route.options.idleTimeout)
    return this.answer.write(chunk)
  }

  respondEnd(trailers: RawHeaders): void {
    this.#deadline.clear()
    this.outgoing.body?.detach()
    this.answer.end(trailers)
  }

  upgraded(attempt: Attempt, head: ResponseHead, upstream: Duplex, rest: Buffer): void {
    this.#deadline.clear()
    const { lease } = attempt
    lease.succeeded()
    this.answer.status = 101
    try {
      const fields = this.answer.fields(head, lease.member, this.outgoing.client)
      this.#tunnel = (this.#upgrade as UpgradeSide).accept(fields, head, upstream, rest)
    } catch (error) {
      upstream.destroy()
      lease.release()
      this.refuse(asProxyError(error))
      return
    }
    this.#tunnel.run(this.#forwarder.deadlines, this.route.options.tunnelTimeout, () => {
      lease.release()
      this.#finish()
    })
  }

  attemptFailed(attempt: Attempt, error: ProxyError): void {
    this.#deadline.clear()
    this.outgoing.body?.detach()
    this.failover.failed(attempt, error)
  }

  // The end, from outside.

  /** Finishes it soon: a tunnel is told to close. Anything else goes on. */
  drain(): void {
    this.#tunnel?.closeSoon()
  }

  /** Ends it now: with an error as long as there is no answer, by breaking off the answer otherwise. */
  cut(): void {
    if (this.#tunnel !== undefined) {
      this.#tunnel.destroy()
      return
    }
    this.#abandon()
    this.refuse(new ProxyError('ERR_CLOSED', 'it had not ended when its time was over'))
  }

  /** The deadline has passed. */
  #late(): void {
    const { responseTimeout, idleTimeout } = this.route.options
    const { body } = this.outgoing
    const { current } = this.failover
    const uploads = body !== undefined && !body.complete
    if (!this.answer.started && !uploads) {
      current?.fail(new ProxyError('ERR_RESPONSE_TIMEOUT', `no answer within ${responseTimeout} ms`))
      return
    }
    const clientStalled = this.answer.started ? this.answer.stalled : uploads && !body.waitsForServer
    const code = clientStalled ? 'ERR_REQUEST_TIMEOUT' : 'ERR_IDLE_TIMEOUT'
    current?.fail(new ProxyError(code, `no byte moved for ${idleTimeout} ms`))
  }

  #abandon(): void {
    this.#deadline.clear()
    this.#outgoing?.body?.detach()
    this.failover.abandon()
  }

  /** The client's side is closed: it has got everything, or it left. */
  #clientClosed(): void {
    if (this.#ended || this.#tunnel !== undefined) return
    this.#abandon()
    // Of an upload that nobody wants any more the rest is read, or the client would never come to its end.
    if (this.#outgoing?.complete === false) this.req.resume()
    if (!this.answer.delivered && this.answer.error === undefined) {
      this.answer.error = new ProxyError('ERR_CLIENT_GONE')
      if (!this.answer.started) this.answer.status = 499
    }
    this.#finish()
  }

  #finish(): void {
    if (this.#ended) return
    this.#ended = true
    this.#stopWatching?.()
    this.#deadline.clear()
    this.#forwarder.left(this)
  }
}

/** The head announces a body, whatever it says of its length. */
function mayHaveBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || (headers['content-length'] ?? '0') !== '0'
}

function ignore(): void {}
