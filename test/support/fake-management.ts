/** A management API without a proxy behind it: it says what a test wants it to say, in the real one's format. */

import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import type { DashboardAsset } from '#lib/management/dashboard/assets.js'

export type State = 'up' | 'offline' | 'down' | 'draining' | 'disabled'

/** A server as `GET /servers` shows it. */
export interface FakeServer {
  readonly id: string
  readonly url: string
  readonly pool: string
  state: State
  reason: string
  since: string | null
  weight: number
  backup: boolean
  source: string | null
  connections: number
  consecutiveFailures: number
  offlineUntil: string | null
  lastCheck: { at: string; passed: boolean; result: string; duration: number } | null
  readonly links: { readonly self: string }
}

/** A call that came in. */
export interface Call {
  readonly method: string
  readonly url: string
  readonly authorization: string | undefined
  readonly body: string
}

/** What a line of statistics says of a pool or of all; what is left out is 0. */
export interface Rates {
  readonly requests?: number
  readonly errors?: number
  readonly latency?: { p50: number | null; p90: number | null; p99: number | null }
}

export interface TickOptions extends Rates {
  /** Milliseconds since the Unix epoch. Default: now. */
  readonly at?: number
  readonly interval?: number
  readonly active?: number
  /** By the name of the pool, and of the server behind a slash. */
  readonly of?: Readonly<Record<string, Rates>>
}

const quiet = { p50: null, p90: null, p99: null }

export function fakeServer(id: string, pool: string, changes: Partial<FakeServer> = {}): FakeServer {
  const path = id.startsWith('unix:')
    ? `unix/${encodeURIComponent(id.slice(5))}`
    : `${encodeURIComponent(id.slice(0, id.lastIndexOf(':')))}/${id.slice(id.lastIndexOf(':') + 1)}`
  return {
    id,
    url: id.startsWith('unix:') ? id : `http://${id}`,
    pool,
    state: 'up',
    reason: '',
    since: null,
    weight: 1,
    backup: false,
    source: null,
    connections: 0,
    consecutiveFailures: 0,
    offlineUntil: null,
    lastCheck: null,
    links: { self: `/servers/${path}?pool=${encodeURIComponent(pool)}` },
    ...changes,
  }
}

export class FakeManagement {
  servers: FakeServer[] = []
  readonly calls: Call[] = []
  balancers: Record<string, string> = {}
  processes = [{ pid: 4321, started: '2026-01-02T03:04:05.000Z', memory: 96 * 2 ** 20, cpu: 1 }]
  token: string | undefined
  /** Milliseconds that clients are told to wait before they connect again. */
  retry = 200
  /** The next change is answered with this. */
  refusal: { status: number; code: string; message: string } | undefined
  /** Something is sent each second, whatever else is. */
  keepsAlive = true
  /** Connections are cut as soon as they are made. */
  #isGone = false
  readonly #streams = new Set<ServerResponse>()
  readonly #server: Server
  readonly #assets: (path: string) => DashboardAsset | undefined
  readonly #heart: NodeJS.Timeout
  #totals = { success: 0, failed: 0 }

  private constructor(assets: (path: string) => DashboardAsset | undefined) {
    this.#assets = assets
    this.#server = createServer((request, response) => void this.#serve(request, response))
    this.#server.on('connection', (socket) => {
      if (this.#isGone) socket.destroy()
    })
    this.#heart = setInterval(() => {
      for (const stream of this.keepsAlive ? this.#streams : []) stream.write(': keep-alive\n\n')
    }, 1000)
  }

  static async start(assets: (path: string) => DashboardAsset | undefined): Promise<FakeManagement> {
    const fake = new FakeManagement(assets)
    fake.#server.listen(0, '127.0.0.1')
    await once(fake.#server, 'listening')
    return fake
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  /** How many listen to the events. */
  get listeners(): number {
    return this.#streams.size
  }

  /** The calls that change something. */
  get changes(): Call[] {
    return this.calls.filter(({ method }) => method !== 'GET')
  }

  /** Sends a line of statistics. */
  tick(options: TickOptions = {}): void {
    this.#totals.success += options.requests ?? 0
    this.#totals.failed += options.errors ?? 0
    this.#broadcast('stats', this.#stats(options))
  }

  setState(id: string, to: State, reason: string, at: number = Date.now()): void {
    for (const server of this.servers.filter((each) => each.id === id)) {
      const from = server.state
      if (from === to) continue
      Object.assign(server, { state: to, reason, since: new Date(at).toISOString() })
      this.#broadcast('state', { pool: server.pool, server: id, from, to, reason, at: server.since })
    }
    this.tellServers()
  }

  tellServers(): void {
    this.#broadcast('servers', { servers: this.servers })
  }

  /** Cuts every connection; those that come are cut too, until it is back. */
  goAway(): void {
    this.#isGone = true
    this.#server.closeAllConnections()
  }

  comeBack(): void {
    this.#isGone = false
  }

  async close(): Promise<void> {
    clearInterval(this.#heart)
    this.#server.closeAllConnections()
    this.#server.close()
    await once(this.#server, 'close')
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = '', url = '/' } = request
    const { pathname, searchParams } = new URL(url, 'http://localhost')
    const asset = method === 'GET' ? this.#assets(pathname) : undefined
    response.setHeader('content-security-policy', "default-src 'self'; base-uri 'none'; form-action 'none'")
    response.setHeader('x-content-type-options', 'nosniff')
    if (asset !== undefined) {
      response.setHeader('content-type', asset.contentType).end(asset.body)
      return
    }
    const { authorization } = request.headers
    const body = await text(request)
    this.calls.push({ method, url, authorization, body })
    if (this.token !== undefined && authorization !== `Bearer ${this.token}`) {
      return refuse(response, 401, 'unauthorized', 'The token is missing or wrong.')
    }
    if (pathname === '/events') return this.#listen(response)
    if (method === 'GET' && pathname === '/servers') return json(response, 200, { servers: this.servers })
    if (method === 'GET') return refuse(response, 404, 'not-found', 'There is no such thing.')
    if (this.refusal !== undefined) {
      const { status, code, message } = this.refusal
      this.refusal = undefined
      return refuse(response, status, code, message)
    }
    if (method === 'POST') return this.#add(response, JSON.parse(body))
    const path = `${pathname}?pool=${encodeURIComponent(searchParams.get('pool') ?? '')}`
    const server = this.servers.find(({ links }) => links.self === path)
    if (server === undefined) return refuse(response, 404, 'not-found', `There is no server ${pathname}.`)
    if (method === 'DELETE') {
      this.servers = this.servers.filter((each) => each !== server)
      json(response, 200, { servers: [server] })
      this.tellServers()
      return
    }
    json(response, 200, { servers: [server] })
    this.setState(server.id, JSON.parse(body).state, 'by the management API')
  }

  #listen(response: ServerResponse): void {
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' })
    response.write(`retry: ${this.retry}\n\n: keep-alive\n\n`)
    this.#streams.add(response)
    response.on('close', () => this.#streams.delete(response))
    response.write(line('servers', { servers: this.servers }))
    response.write(line('stats', this.#stats({ interval: 0 })))
  }

  #add(response: ServerResponse, wanted: { url: string; pool: string; weight: number; backup: boolean }): void {
    const { url, pool, weight, backup } = wanted
    if (!/^(?:unix:\/.+|(?:http:\/\/)?[\w.]+:\d+)$/.test(url)) {
      refuse(response, 400, 'invalid', `bad server "${url}"; a server is written as 10.0.0.1:80`)
      return
    }
    const id = url.replace(/^http:\/\//, '')
    const isKnown = this.servers.some((server) => server.id === id && server.pool === pool)
    if (!isKnown) this.servers.push(fakeServer(id, pool, { weight, backup }))
    json(response, isKnown ? 200 : 201, { servers: this.servers })
    this.tellServers()
  }

  #stats({ at = Date.now(), interval = 1, active = 0, of = {}, ...all }: TickOptions): object {
    const names = [...new Set([...Object.keys(this.balancers), ...this.servers.map(({ pool }) => pool)])]
    const rates = ({ requests = 0, errors = 0, latency = quiet }: Rates = {}) => ({
      requestsPerSecond: requests,
      errorsPerSecond: errors,
      latency,
    })
    return {
      at: new Date(at).toISOString(),
      interval,
      active,
      client: this.#totals,
      server: this.#totals,
      ...rates(all),
      processes: this.processes,
      pools: names.map((name) => ({
        name,
        balancer: this.balancers[name] ?? 'Round-Robin',
        queued: 0,
        ...rates(of[name]),
        servers: this.servers
          .filter(({ pool }) => pool === name)
          .map(({ id, connections }) => {
            const { requestsPerSecond, errorsPerSecond, latency } = rates(of[`${name}/${id}`])
            return { id, connections, requestsPerSecond, failuresPerSecond: errorsPerSecond, latency }
          }),
      })),
    }
  }

  #broadcast(event: string, data: object): void {
    for (const stream of this.#streams) stream.write(line(event, data))
  }
}

function line(event: string, data: object): string {
  return `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`
}

function json(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}

function refuse(response: ServerResponse, status: number, code: string, message: string): void {
  json(response, status, { error: { code, message } })
}
