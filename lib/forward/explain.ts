/** Why a request goes where it goes. Asking changes nothing: no turn is taken, no server is asked. */

import type { IncomingMessage } from 'node:http'
import type { Clock } from '../clock.js'
import { formatPlace, type Place } from '../config/diagnostics.js'
import { AMBIGUOUS, type RouteTable } from '../match/route-table.js'
import { parseTarget, type Target } from '../match/target.js'
import type { Standing } from '../pool/pool.js'
import type { Random } from '../random.js'
import { clientFacts } from './client.js'
import { requestFraming } from './framing.js'
import { hashKey } from './hash-key.js'
import { requestHead, withHost } from './request-head.js'
import { requestTarget } from './request-target.js'
import type { Route } from './route.js'

/** A request to be explained. */
export interface ExplainRequest {
  /** Default: `GET`. */
  readonly method?: string
  /** A target (`/a?b`) or a whole URL, whose host then counts. */
  readonly url: string
  /** Fields of the request, by name. */
  readonly headers?: Readonly<Record<string, string | readonly string[]>>
  /** The client's address. Default: `127.0.0.1`. */
  readonly clientAddress?: string
}

/** Why an entry takes a request, or why not. */
export interface ExplainedEntry {
  readonly name: string
  /** Where it stands: `proxy.conf:12:1`. */
  readonly place: string
  readonly matched: boolean
  /** The first rule that the request did not meet. */
  readonly reason: 'host' | 'method' | 'path' | undefined
  /** The pattern that matched, and where it stands. */
  readonly pattern: { readonly text: string; readonly place: string } | undefined
}

/** A server of the entry that takes the request. */
export interface ExplainedServer {
  readonly url: string
  readonly weight: number
  readonly backup: boolean
  readonly standing: Standing
  /** How likely it is picked, from 0 to 1. */
  readonly odds: number
}

export interface Explanation {
  readonly method: string
  /** The host name and the path that rules see. */
  readonly host: string
  readonly path: string
  /** `malformed` and `ambiguous` requests are refused with 400; `none`: no entry takes it. */
  readonly outcome: 'entry' | 'none' | 'malformed' | 'ambiguous'
  /** The entries in file order, up to the one that takes the request. */
  readonly entries: readonly ExplainedEntry[]
  /** Where the readings of an ambiguous path would lead: the path, and the name of the entry. */
  readonly readings: readonly { readonly path: string; readonly entry: string | undefined }[]
  /** The balancer of the entry that takes the request. */
  readonly balancer: string | undefined
  readonly servers: readonly ExplainedServer[]
  /** The request as it would be sent to the likeliest server. */
  readonly sent: { readonly target: string; readonly headers: readonly (readonly [string, string])[] } | undefined
}

/** Picks on a balancer made for the purpose, from which the odds are counted. */
const samples = 1000

export class Explainer {
  readonly #clock: Clock
  readonly #random: Random

  constructor(clock: Clock, random: Random) {
    this.#clock = clock
    this.#random = random
  }

  explain(request: ExplainRequest, table: RouteTable<Route>): Explanation {
    const method = (request.method ?? 'GET').toUpperCase()
    const req = standIn(request, method)
    const target = parseTarget(request.url)
    if (target === undefined || !isFramed(req)) return { ...nothing, method, path: request.url, outcome: 'malformed' }
    const host = target.host ?? req.headers.host ?? ''
    const { found, steps, readings, host: hostName, path } = table.explain(method, host, target, true)
    const common = {
      ...nothing,
      method,
      host: hostName,
      path,
      entries: steps.map(({ value, matched, reason, pattern }) => ({
        name: value.name,
        place: formatPlace(value.place),
        matched,
        reason,
        pattern: pattern === undefined ? undefined : explainedPattern(value, pattern),
      })),
      readings: readings.map((reading) => ({ path: reading.path, entry: reading.value?.name })),
    }
    if (found === AMBIGUOUS) return { ...common, outcome: 'ambiguous' }
    if (found === undefined) return { ...common, outcome: 'none' }
    const servers = this.#servers(found, req, target, host)
    return {
      ...common,
      outcome: 'entry',
      balancer: found.pool.loadBalance.name,
      servers,
      sent: sent(found, req, target, host, servers),
    }
  }

  #servers(route: Route, req: IncomingMessage, target: Target, host: string): ExplainedServer[] {
    const { pool } = route
    const { address } = clientFacts(req, host, route.options.trustProxy)
    const odds = pool.odds(
      {
        attempt: 0,
        slots: 0,
        failedOpen: false,
        connectionNumber: () => 0,
        clientAddress: () => address,
        hashKey: () => hashKey(pool.options.hashKey, req, target, address),
        stickyToken: () => undefined,
      },
      samples,
      { clock: this.#clock, random: this.#random },
    )
    return pool.members.map((member) => ({
      url: member.id,
      weight: member.slots.length,
      backup: member.backup,
      standing: pool.standing(member),
      odds: odds.get(member) ?? 0,
    }))
  }
}

const nothing = {
  host: '',
  entries: [],
  readings: [],
  balancer: undefined,
  servers: [],
  sent: undefined,
} as const

/** The head of the request leaves no doubt about where it ends. */
function isFramed(req: IncomingMessage): boolean {
  try {
    requestFraming(req)
    return true
  } catch {
    return false
  }
}

function explainedPattern(route: Route, index: number): ExplainedEntry['pattern'] {
  const place: Place = route.patternPlaces[index] ?? route.place
  return { text: route.options.match[index]?.text ?? '', place: formatPlace(place) }
}

function sent(
  route: Route,
  req: IncomingMessage,
  target: Target,
  host: string,
  servers: readonly ExplainedServer[],
): Explanation['sent'] {
  const { options, pool } = route
  const fields = requestHead({
    req,
    options,
    framing: requestFraming(req),
    client: clientFacts(req, host, options.trustProxy),
    host,
    upgrade: req.headers.upgrade,
    unpacked: false,
  })
  const likeliest = servers.reduce<ExplainedServer | undefined>((a, b) => (a && a.odds >= b.odds ? a : b), undefined)
  const server = pool.members.find((member) => member.id === likeliest?.url)?.server.address
  const out = options.preserveHost || server === undefined ? fields : withHost(fields, server.authority)
  const pairs = Array.from({ length: out.length / 2 }, (_, i) => [out[2 * i] ?? '', out[2 * i + 1] ?? ''] as const)
  return { target: requestTarget(target, options), headers: pairs }
}

/** As much of a client's request as the rules look at. */
function standIn(request: ExplainRequest, method: string): IncomingMessage {
  const rawHeaders: string[] = []
  const headers: Record<string, string> = {}
  for (const [name, value] of Object.entries(request.headers ?? {})) {
    for (const each of [value].flat() as string[]) rawHeaders.push(name, each)
    headers[name.toLowerCase()] = [value].flat().join(', ')
  }
  if (headers.host === undefined && !/^[a-z]+:\/\//i.test(request.url)) {
    rawHeaders.unshift('Host', 'localhost')
    headers.host = 'localhost'
  }
  return {
    method,
    url: request.url,
    rawHeaders,
    headers,
    httpVersion: '1.1',
    httpVersionMajor: 1,
    socket: { remoteAddress: request.clientAddress ?? '127.0.0.1' },
  } as unknown as IncomingMessage
}
