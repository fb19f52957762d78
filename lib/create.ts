/** A configuration becomes a running proxy. The only place that knows every part. */

import { EventEmitter } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { type Clock, systemClock } from './clock.js'
import { type Config, loadConfig, type ResolvedConfig, type ResolvedEntry, resolveConfig } from './config/load.js'
import { clientFacts } from './forward/client.js'
import { requestHost } from './forward/client-fields.js'
import type { Logger, ProxyEmitter, ProxyEvents, ProxyStats } from './forward/events.js'
import { Explainer, type ExplainRequest, type Explanation } from './forward/explain.js'
import { Forwarder } from './forward/forwarder.js'
import { RetryBudget } from './forward/retry-budget.js'
import type { Route } from './forward/route.js'
import { type PoolStatus, poolStatus } from './forward/status-page.js'
import { RouteTable } from './match/route-table.js'
import { type AttachableServer, attach } from './middleware/attach.js'
import { Gate, type Next, type Routing } from './middleware/node.js'
import { Pool } from './pool/pool.js'
import { ServerDirectory } from './pool/server.js'
import { type Random, systemRandom } from './random.js'
import { Upstreams } from './transports/registry.js'

/** What a proxy is made with, beside its configuration. */
export interface ProxySettings {
  /** Where it writes; `false`: nowhere. Default: `console`. */
  readonly logger?: Logger | false
  /** Time, for tests. Default: the machine's. */
  readonly clock?: Clock
  /** Chance, for tests. Default: the machine's. */
  readonly random?: Random
}

/** How a proxy is closed. */
export interface CloseOptions {
  /** Milliseconds that requests under way may take before they are cut. Default: 30000. */
  readonly timeout?: number
}

/**
 * A proxy: a function that any Node HTTP server can mount, with what it can be asked and told.
 *
 * @example
 * app.use(proxy)                               // Express, Connect
 * http.createServer(proxy).listen(8080)        // plain Node; https and http2 too
 */
export interface Proxy {
  (req: IncomingMessage, res: ServerResponse, next?: Next): void
  /**
   * Takes the upgrades (WebSocket) of `server`, and leaves `Expect: 100-continue` to the servers behind. Several
   * proxies on one server are asked in the order in which they were attached.
   */
  attach(server: AttachableServer): Proxy
  /** Takes one upgrade; for those who listen to `upgrade` themselves. False: no entry takes it, the socket is untouched. */
  upgrade(req: IncomingMessage, socket: Duplex, head: Buffer): boolean
  on<Name extends keyof ProxyEvents>(event: Name, listener: (...args: ProxyEvents[Name]) => void): Proxy
  once<Name extends keyof ProxyEvents>(event: Name, listener: (...args: ProxyEvents[Name]) => void): Proxy
  off<Name extends keyof ProxyEvents>(event: Name, listener: (...args: ProxyEvents[Name]) => void): Proxy
  /**
   * Puts another configuration in force: a file's path or URL, or an object. Requests under way finish on the old one; servers
   * that stay keep their states and connections. Rejects with a {@link ConfigError}, and changes nothing, when it does
   * not load.
   */
  reload(config: string | URL | Config): Promise<void>
  /** Takes nothing new on (503), waits for the requests under way, cuts what is left, closes all connections. */
  close(options?: CloseOptions): Promise<void>
  /** The address of the client of a request, as `TrustProxy` of its entry lets it be known. */
  clientAddress(req: IncomingMessage): string
  /** Why a request would go where it goes. Changes nothing. */
  explain(request: ExplainRequest): Explanation
  /** Counts since the start. */
  stats(): ProxyStats
  /** The entries and their servers, as they stand now. */
  readonly pools: readonly PoolStatus[]
  /** Every file that the configuration was read from. */
  readonly files: readonly string[]
}

/**
 * Makes a proxy from a configuration: a file's path or URL, or an object.
 *
 * @throws {ConfigError} with every problem of the configuration in `diagnostics`
 */
export function createProxy(config: string | URL | Config, settings: ProxySettings = {}): Proxy {
  const { logger } = settings
  if (logger !== undefined && logger !== false && !isLogger(logger)) {
    throw new TypeError('logger has to have the methods info, warn and error, as console has, or to be false')
  }
  return asFunction(new Core(resolve(config), settings))
}

function isLogger(logger: Logger): boolean {
  const methods: unknown[] = [logger.info, logger.warn, logger.error]
  return methods.every((method) => typeof method === 'function')
}

function resolve(config: string | URL | Config): ResolvedConfig {
  if (config instanceof URL) return resolveConfig(loadConfig(fileURLToPath(config)))
  return resolveConfig(typeof config === 'string' ? loadConfig(config) : config)
}

const silent: Logger = { info: () => {}, warn: () => {}, error: () => {} }

class Core {
  readonly events: ProxyEmitter = new EventEmitter()
  readonly gate: Gate
  readonly #clock: Clock
  readonly #random: Random
  readonly #logger: Logger
  readonly #directory: ServerDirectory
  readonly #upstreams: Upstreams
  readonly #detachers: (() => void)[] = []
  #resolved: ResolvedConfig
  #closing: Promise<void> | undefined

  constructor(
    resolved: ResolvedConfig,
    { logger = console, clock = systemClock, random = systemRandom }: ProxySettings,
  ) {
    this.#clock = clock
    this.#random = random
    this.#logger = logger === false ? silent : logger
    this.#directory = new ServerDirectory(clock, (change) => {
      this.#logger.warn(`${change.server} is ${change.to}, was ${change.from}: ${change.reason}`)
      this.events.emit('serverStateChange', { pool: this.#poolOf(change.server), ...change })
    })
    this.#upstreams = new Upstreams(clock, this.events)
    this.#resolved = resolved
    this.gate = new Gate(this.#routing(resolved), new Forwarder(clock, this.events, this.#logger), random)
    this.#upstreams.settle()
  }

  get files(): readonly string[] {
    return this.#resolved.files
  }

  async reload(config: string | URL | Config): Promise<void> {
    const resolved = resolve(config)
    if (this.gate.closed) throw new Error('the proxy is closed')
    const old = this.gate.routing.routes
    this.gate.routing = this.#routing(resolved)
    this.#resolved = resolved
    for (const { pool } of old) pool.close()
    this.#upstreams.settle()
    this.#directory.sweep()
    this.events.emit('reload')
  }

  attach(server: AttachableServer): void {
    this.#detachers.push(attach(this.gate, server))
  }

  close({ timeout = 30_000 }: CloseOptions = {}): Promise<void> {
    this.#closing ??= this.#close(timeout)
    return this.#closing
  }

  clientAddress(req: IncomingMessage): string {
    const { trustProxy } = this.gate.routeOf(req)?.options ?? this.#resolved.defaults
    return clientFacts(req, requestHost(req), trustProxy).address
  }

  explain(request: ExplainRequest): Explanation {
    return new Explainer(this.#clock, this.#random).explain(request, this.gate.routing.table)
  }

  async #close(timeout: number): Promise<void> {
    this.gate.closed = true
    await this.gate.forwarder.drain(timeout)
    this.gate.forwarder.deadlines.close()
    for (const detach of this.#detachers) detach()
    for (const { pool } of this.gate.routing.routes) pool.close()
    this.#upstreams.settle()
    this.#directory.sweep()
    this.events.emit('close')
  }

  #routing({ entries, defaults }: ResolvedConfig): Routing {
    const routes = entries.map((entry) => this.#route(entry))
    const table = new RouteTable(
      routes.map((value) => ({
        hosts: value.options.host,
        methods: value.options.method,
        patterns: value.options.match,
        value,
      })),
    )
    return { table, routes, errorPages: defaults.errorPage, statisticsURL: defaults.statisticsURL }
  }

  #route({ name, options, place, patternPlaces }: ResolvedEntry): Route {
    const pool = new Pool({
      name,
      options,
      directory: this.#directory,
      clock: this.#clock,
      random: this.#random,
      carrier: (address) => this.#upstreams.at(address, options),
    })
    return { name, options, pool, budget: new RetryBudget(this.#clock), place, patternPlaces }
  }

  /** The first entry that has the server. */
  #poolOf(server: string): string {
    const { routes } = this.gate.routing
    return routes.find(({ pool }) => pool.members.some(({ id }) => id === server))?.name ?? ''
  }
}

function asFunction(core: Core): Proxy {
  const handle = (req: IncomingMessage, res: ServerResponse, next?: Next): void => core.gate.handle(req, res, next)
  const proxy = handle as Proxy
  const methods: Omit<Proxy, 'pools' | 'files'> = {
    attach: (server) => {
      core.attach(server)
      return proxy
    },
    upgrade: (req, socket, head) => core.gate.upgrade(req, socket, head),
    on: (event, listener) => {
      core.events.on(event, listener as never)
      return proxy
    },
    once: (event, listener) => {
      core.events.once(event, listener as never)
      return proxy
    },
    off: (event, listener) => {
      core.events.off(event, listener as never)
      return proxy
    },
    reload: (config) => core.reload(config),
    close: (options) => core.close(options),
    clientAddress: (req) => core.clientAddress(req),
    explain: (request) => core.explain(request),
    stats: () => core.gate.forwarder.stats,
  }
  Object.assign(proxy, methods)
  Object.defineProperties(proxy, {
    pools: { get: () => core.gate.routing.routes.map(poolStatus), enumerable: true },
    files: { get: () => core.files, enumerable: true },
  })
  return proxy
}
