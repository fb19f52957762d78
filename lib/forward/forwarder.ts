import { channel } from 'node:diagnostics_channel'
import type { IncomingMessage } from 'node:http'
import type { Clock, Timer } from '../clock.js'
import type { ProxyError } from '../errors.js'
import type { Lease } from '../pool/lease.js'
import type { Member } from '../pool/member.js'
import type { Usage } from '../pool/server.js'
import type { Upstream } from '../transports/transport.js'
import { peerAddress } from './client.js'
import { ConnectionNumbers } from './connection-numbers.js'
import { Deadlines } from './deadline.js'
import type { Logger, ProxyEmitter, ProxyStats, RequestSummary } from './events.js'
import type { Exchange } from './exchange.js'

/** Milliseconds for the connections of requests that were cut to close. */
const cutTime = 1_000

const requestStart = channel('pointsman:request:start')
const requestEnd = channel('pointsman:request:end')
const requestError = channel('pointsman:request:error')

/** What all requests of a proxy share: those under way, the counts, and who is told what happens. */
export class Forwarder {
  readonly clock: Clock
  readonly deadlines: Deadlines
  readonly connectionNumbers: ConnectionNumbers = new ConnectionNumbers()
  readonly #events: ProxyEmitter
  readonly #logger: Logger
  /**
   * An array in which each exchange knows its place. Of a `Set` with so many comings and goings the collector would keep
   * dead ones alive for long: a large share of the time of a request.
   */
  readonly #underWay: Exchange[] = []
  readonly #counts = { client: { success: 0, failed: 0 }, server: { success: 0, failed: 0 } }
  #draining = false
  #drained: (() => void) | undefined

  constructor(clock: Clock, events: ProxyEmitter, logger: Logger) {
    this.clock = clock
    this.deadlines = new Deadlines(clock)
    this.#events = events
    this.#logger = logger
  }

  /** Requests under way. */
  get size(): number {
    return this.#underWay.length
  }

  get stats(): ProxyStats {
    return { client: { ...this.#counts.client }, server: { ...this.#counts.server } }
  }

  entered(exchange: Exchange): void {
    exchange.place = this.#underWay.push(exchange) - 1
    if (requestStart.hasSubscribers) {
      requestStart.publish({ req: exchange.req, res: exchange.res, entry: exchange.route.name })
    }
  }

  /** A try begins. */
  sent({ route, failover, req }: Exchange, member: Member<Upstream>): void {
    if (this.#events.listenerCount('request') === 0) return
    const details = { entry: route.name, server: member.id, attempt: failover.attempt }
    this.#events.emit('request', details, req)
  }

  /** A try failed, and there is another. */
  retried({ route, failover, req }: Exchange, member: Member<Upstream>, error: ProxyError): void {
    this.#counts.server.failed++
    route.counts.retries++
    const details = { entry: route.name, server: member.id, attempt: failover.attempt - 1, error }
    this.#events.emit('retry', details, req)
  }

  left(exchange: Exchange): void {
    const { error, status } = exchange.answer
    const duration = this.clock.now() - exchange.begun
    this.#remove(exchange)
    this.#count(exchange, error)
    exchange.route.counts.ended(status, duration)
    // Before anybody is told: a listener may throw.
    if (this.#draining && this.#underWay.length === 0) this.#drained?.()
    const listened = this.#events.listenerCount('requestEnd') > 0
    // A client that leaves is nothing to report.
    const reported = error !== undefined && error.code !== 'ERR_CLIENT_GONE'
    if (listened || reported || requestEnd.hasSubscribers) {
      const summary = this.#summary(exchange, duration)
      if (reported) this.#report(exchange.req, summary, error)
      if (listened) this.#events.emit('requestEnd', summary, exchange.req)
      if (requestEnd.hasSubscribers) requestEnd.publish({ req: exchange.req, res: exchange.res, ...summary })
    }
  }

  /** A request was answered with an error before an entry took it. */
  report(req: IncomingMessage, error: ProxyError): void {
    if (error.code !== 'ERR_NOT_FOUND') {
      this.#log(error, `${error.status} for ${req.method} ${req.url}: ${error.code}: ${error.message}`)
    }
    this.#tell(req, error)
    if (this.#events.listenerCount('requestEnd') === 0) return
    const summary: RequestSummary = {
      entry: '',
      client: peerAddress(req),
      method: req.method ?? 'GET',
      url: req.url ?? '',
      status: error.status,
      bytes: undefined,
      server: undefined,
      attempts: 0,
      duration: 0,
      error,
    }
    this.#events.emit('requestEnd', summary, req)
  }

  /** Waits until the requests under way have ended; after `timeout` milliseconds the rest is cut. */
  async drain(timeout: number): Promise<void> {
    if (this.#underWay.length === 0) return
    this.#draining = true
    for (const exchange of [...this.#underWay]) exchange.drain()
    let timer: Timer | undefined
    await new Promise<void>((resolve) => {
      this.#drained = resolve
      timer = this.clock.setTimeout(() => {
        const count = this.#underWay.length
        this.#logger.warn(`${count} ${count === 1 ? 'request' : 'requests'} had not ended after ${timeout} ms: cut`)
        for (const exchange of [...this.#underWay]) exchange.cut()
        // Each ends when its connection has closed, and is told of then.
        timer = this.clock.setTimeout(resolve, cutTime)
        if (this.#underWay.length === 0) resolve()
      }, timeout)
    })
    timer?.cancel()
  }

  /** The holds that requests under way have on a server of an entry. */
  leasesOf(usage: Usage): ReadonlySet<Lease<Upstream>> {
    const leases = this.#underWay.flatMap(({ failover }) => failover.current?.lease ?? [])
    return new Set(leases.filter(({ member, held }) => held && member.usage === usage))
  }

  /** Cuts the requests that still have one of these holds. */
  cut(leases: ReadonlySet<Lease<Upstream>>): void {
    const cut = this.#underWay.filter(({ failover: { current } }) => current?.lease.held && leases.has(current.lease))
    for (const exchange of cut) exchange.cut()
  }

  #remove(exchange: Exchange): void {
    const last = this.#underWay.pop() as Exchange
    if (last === exchange) return
    last.place = exchange.place
    this.#underWay[last.place] = last
  }

  #count({ failover }: Exchange, error: ProxyError | undefined): void {
    const { client, server: servers } = this.#counts
    if (error === undefined) {
      client.success++
      servers.success++
      return
    }
    client.failed++
    if (failover.server !== undefined && error.fault === 'server') servers.failed++
  }

  #summary(exchange: Exchange, duration: number): RequestSummary {
    const { route, req, answer, failover } = exchange
    return {
      entry: route.name,
      client: exchange.clientAddress,
      method: req.method ?? 'GET',
      url: req.url ?? '',
      status: answer.status,
      // What a tunnel carries is no body.
      bytes: answer.status === 101 ? undefined : answer.bytes,
      server: failover.server,
      attempts: failover.tries,
      duration,
      error: answer.error,
    }
  }

  #report(
    req: IncomingMessage,
    { entry, method, url, status, server, attempts }: RequestSummary,
    error: ProxyError,
  ): void {
    const where = server === undefined ? '' : ` from ${server} after ${attempts} ${attempts === 1 ? 'try' : 'tries'}`
    this.#log(error, `${status} for ${method} ${url} by [${entry}]${where}: ${error.code}: ${error.message}`)
    this.#tell(req, error)
  }

  #tell(req: IncomingMessage, error: ProxyError): void {
    if (this.#events.listenerCount('error') > 0) this.#events.emit('error', error, req)
    if (requestError.hasSubscribers) requestError.publish({ req, error })
  }

  /** What a client did wrong is for those who want to know; a loop is a mistake of the configuration. */
  #log(error: ProxyError, message: string): void {
    if (error.fault === 'client' && error.code !== 'ERR_LOOP') this.#logger.info(message)
    else this.#logger.warn(message)
  }
}
