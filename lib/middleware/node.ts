/**
 * The door: a function `(req, res, next)` for any Node HTTP server, and the listeners that a server needs for upgrades.
 * It finds the route, and hands the request over.
 */

import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2'
import type { Duplex } from 'node:stream'
import type { ErrorPage } from '../config/files.js'
import { ProxyError } from '../errors.js'
import { requestHost } from '../forward/client-fields.js'
import { sendErrorAnswer } from '../forward/error-answer.js'
import { Exchange } from '../forward/exchange.js'
import type { Forwarder } from '../forward/forwarder.js'
import { requestFraming } from '../forward/framing.js'
import type { Route } from '../forward/route.js'
import { type PoolStatus, poolStatus, sendStatusPage, sendStatusPageOnceKnown } from '../forward/status-page.js'
import {
  isH2c,
  responseOn,
  SocketUpgrade,
  StreamUpgrade,
  type UpgradeSide,
  wantsWebSocket,
} from '../forward/upgrade.js'
import { AMBIGUOUS, type RouteTable } from '../match/route-table.js'
import { parseTarget, type Target } from '../match/target.js'
import type { Random } from '../random.js'

/** What Express and Connect call to go on with the next handler. */
export type Next = (error?: unknown) => void

/** What is in force; replaced as a whole by a reload. */
export interface Routing {
  readonly table: RouteTable<Route>
  readonly routes: readonly Route[]
  /** Pages for requests that no entry takes. */
  readonly errorPages: ReadonlyMap<number, ErrorPage>
  /** Path of the status page, or undefined. */
  readonly statisticsURL: string | undefined
}

/** A request with its target taken apart and its route found. */
interface Arrival {
  readonly target: Target
  /** What the client asked for, as it wrote it. */
  readonly host: string
  readonly route: Route | undefined
}

export class Gate {
  routing: Routing
  /** Nothing new is taken on. */
  closed = false
  readonly forwarder: Forwarder
  readonly #random: Random
  readonly #statistics: (() => Promise<readonly PoolStatus[]>) | undefined

  /** `statistics`: what the status page shows instead of what this process has counted. */
  constructor(
    routing: Routing,
    forwarder: Forwarder,
    random: Random,
    statistics?: () => Promise<readonly PoolStatus[]>,
  ) {
    this.routing = routing
    this.forwarder = forwarder
    this.#random = random
    this.#statistics = statistics
  }

  /** A request. Without `next` it is answered with 404 when no entry takes it. */
  handle(req: IncomingMessage, res: ServerResponse, next: Next | undefined): void {
    const arrival = this.#arrive(req, req.method ?? 'GET')
    if (arrival instanceof ProxyError) this.#refuse(req, res, arrival)
    else if (arrival.target.path === this.routing.statisticsURL) this.#showStatus(req, res)
    else if (arrival.route !== undefined) this.#begin(arrival, arrival.route, req, res, undefined)
    else if (next !== undefined) next()
    else this.#refuse(req, res, new ProxyError('ERR_NOT_FOUND'))
  }

  /** An upgrade of HTTP/1.1. False: no entry takes it, and nothing was done with the socket. */
  upgrade(req: IncomingMessage, socket: Duplex, head: Buffer): boolean {
    const arrival = this.#arrive(req, req.method ?? 'GET')
    const route = arrival instanceof ProxyError ? undefined : arrival.route
    if (route === undefined && !(arrival instanceof ProxyError)) return false
    const res = responseOn(req, socket)
    if (res === undefined) return true
    if (arrival instanceof ProxyError) this.#refuse(req, res, arrival)
    else if (isH2c(req)) this.#withoutUpgrade(arrival, route as Route, req, res)
    else this.#begin(arrival, route as Route, req, res, new SocketUpgrade(req, socket, head, res))
    return true
  }

  /** A `CONNECT` of HTTP/2. False: it asks for no WebSocket, or no entry takes it. */
  connect(req: Http2ServerRequest, res: Http2ServerResponse): boolean {
    if (!wantsWebSocket(req)) return false
    const [plainReq, plainRes] = [req as unknown as IncomingMessage, res as unknown as ServerResponse]
    const arrival = this.#arrive(plainReq, 'GET')
    if (arrival instanceof ProxyError) this.#refuse(plainReq, plainRes, arrival)
    else if (arrival.route === undefined) return false
    else this.#begin(arrival, arrival.route, plainReq, plainRes, new StreamUpgrade(res, this.#random))
    return true
  }

  /** The route that a request takes, if any; nothing is done with the request. */
  routeOf(req: IncomingMessage): Route | undefined {
    const arrival = this.#arrive(req, req.method ?? 'GET')
    return arrival instanceof ProxyError ? undefined : arrival.route
  }

  #arrive(req: IncomingMessage, method: string): Arrival | ProxyError {
    const target = parseTarget(req.url ?? '/')
    if (target === undefined) return new ProxyError('ERR_BAD_REQUEST', 'the request target is malformed')
    const host = target.host ?? requestHost(req)
    const route = this.routing.table.find(method, host, target)
    if (route === AMBIGUOUS) {
      return new ProxyError(
        'ERR_AMBIGUOUS_TARGET',
        `its path can be read as ${[target.path, ...target.readings].join(', ')}`,
      )
    }
    return { target, host, route }
  }

  #begin(
    { target, host }: Arrival,
    route: Route,
    req: IncomingMessage,
    res: ServerResponse,
    upgrade: UpgradeSide | undefined,
  ): void {
    if (this.closed) this.#refuse(req, res, new ProxyError('ERR_CLOSED'))
    else new Exchange(this.forwarder, route, req, res, target, host, upgrade).begin()
  }

  #showStatus(req: IncomingMessage, res: ServerResponse): void {
    const own = (): readonly PoolStatus[] => this.routing.routes.map(poolStatus)
    if (this.#statistics === undefined) sendStatusPage(req, res, own())
    else void sendStatusPageOnceKnown(req, res, this.#statistics, own)
  }

  /** A server may always leave an upgrade alone, and answer the request as it stands (RFC 9110 §7.8). */
  #withoutUpgrade(arrival: Arrival, route: Route, req: IncomingMessage, res: ServerResponse): void {
    try {
      // Node has stopped parsing: a body would be cut off.
      if (requestFraming(req).hasBody) throw new ProxyError('ERR_BAD_REQUEST', 'an upgrade to h2c with a body')
      this.#begin(arrival, route, req, res, undefined)
    } catch (error) {
      this.#refuse(req, res, error as ProxyError)
    }
  }

  #refuse(req: IncomingMessage, res: ServerResponse, error: ProxyError): void {
    sendErrorAnswer(req, res, error, this.routing.errorPages)
    this.forwarder.report(req, error)
  }
}
