/** A configuration at work: what a running proxy consists of, and how a reload changes it. */

import { EventEmitter } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { fileURLToPath } from 'node:url'
import { type Clock, systemClock } from './clock.js'
import { formatConfig, withoutSecrets } from './config/format.js'
import { type Config, loadConfig, type ResolvedConfig, type ResolvedEntry, resolveConfig } from './config/load.js'
import { Feeds } from './feeds.js'
import { clientFacts } from './forward/client.js'
import { requestHost } from './forward/client-fields.js'
import { ChangeError, type StateChange } from './forward/control.js'
import type { Logger, ProxyEmitter } from './forward/events.js'
import { Explainer, type ExplainRequest, type Explanation } from './forward/explain.js'
import { Forwarder } from './forward/forwarder.js'
import { ProcessControl } from './forward/local-control.js'
import { probe } from './forward/probe.js'
import { RetryBudget } from './forward/retry-budget.js'
import type { Route } from './forward/route.js'
import { RouteCounts } from './forward/route-counts.js'
import { RouteTable } from './match/route-table.js'
import { type AttachableServer, attach } from './middleware/attach.js'
import { Gate, type Routing } from './middleware/node.js'
import { ActiveHealth } from './pool/active-health.js'
import { Pool } from './pool/pool.js'
import { ServerDirectory } from './pool/server.js'
import type { CloseOptions, ProcessOfSeveral, ProxySettings } from './proxy.js'
import { type Random, systemRandom } from './random.js'
import { Upstreams } from './transports/registry.js'

/** Where a configuration comes from, and what it says. */
interface Source {
  readonly config: Config
  /** Path of its file, or undefined. */
  readonly file: string | undefined
}

function read(config: string | URL | Config): Source {
  const file = config instanceof URL ? fileURLToPath(config) : typeof config === 'string' ? config : undefined
  return { config: file === undefined ? (config as Config) : loadConfig(file), file }
}

const onlyProcess: ProcessOfSeveral = { id: '1', count: 1 }

const silent: Logger = { info: () => {}, warn: () => {}, error: () => {} }

/** The parts of a proxy, at work. */
export class Core {
  readonly events: ProxyEmitter = new EventEmitter()
  readonly gate: Gate
  readonly control: ProcessControl
  readonly feeds: Feeds
  readonly #clock: Clock
  readonly #random: Random
  readonly #logger: Logger
  readonly #logStates: boolean
  /** What was logged last about a state, and when. */
  #lastLine = ''
  readonly #directory: ServerDirectory
  readonly #checks: ActiveHealth
  readonly #upstreams: Upstreams
  /** By the keys of routes: counts never go back. */
  readonly #counts = new Map<string, RouteCounts>()
  readonly #detachers: (() => void)[] = []
  #source: Source
  #resolved: ResolvedConfig
  #closing: Promise<void> | undefined

  /** Throws a `ConfigError`. */
  constructor(
    config: string | URL | Config,
    {
      logger = console,
      clock = systemClock,
      random = systemRandom,
      activeChecks = true,
      logStates = true,
      statistics,
      discovers = true,
      onFound,
      onWorkers,
      process = onlyProcess,
    }: ProxySettings,
  ) {
    this.#source = read(config)
    this.#resolved = resolveConfig(this.#source.config)
    this.#clock = clock
    this.#random = random
    this.#logger = logger === false ? silent : logger
    this.#logStates = logStates
    this.#directory = new ServerDirectory(clock, (change) =>
      this.control.told({ pool: this.#poolOf(change.server), ...change }),
    )
    this.#checks = new ActiveHealth({
      clock,
      random,
      // A worker can only be asked from where it has dialled in.
      asks: ({ scheme }) => activeChecks || scheme === 'worker',
    })
    this.#upstreams = new Upstreams(clock, this.events)
    const forwarder = new Forwarder(clock, this.events, this.#logger)
    this.gate = new Gate(this.#routing(this.#resolved), forwarder, random, statistics)
    this.control = new ProcessControl({
      clock,
      forwarder: this.gate.forwarder,
      checks: this.#checks,
      routes: () => this.gate.routing.routes,
      reload: () => this.#readAgain(),
      configuration: () => formatConfig(withoutSecrets(this.#source.config)),
      closed: () => this.gate.closed,
      find: (id) => this.#directory.find(id),
      sweep: () => this.#directory.sweep(),
      onState: (change) => this.#tell(change),
    })
    const { control } = this
    const { joined } = this.#upstreams
    const feeding = { discovers, onFound, onWorkers, process }
    this.feeds = new Feeds({ ...feeding, clock, random, logger: this.#logger, joined, control })
    this.feeds.apply(this.#resolved)
  }

  get files(): readonly string[] {
    return this.#resolved.files
  }

  async reload(config: string | URL | Config): Promise<void> {
    const source = read(config)
    const resolved = resolveConfig(source.config)
    if (this.gate.closed) throw new Error('the proxy is closed')
    const old = this.gate.routing.routes
    this.gate.routing = this.#routing(resolved)
    this.#source = source
    this.#resolved = resolved
    this.control.carryOver(old)
    this.#handOver(old)
    for (const { pool } of old) pool.close()
    this.feeds.apply(resolved)
    this.#checks.sweep()
    this.#directory.sweep()
    this.events.emit('reload')
  }

  /**
   * Requests that wait for the first server of a pool go on waiting in the pool that takes its place. All others have the
   * servers that they began with.
   */
  #handOver(old: readonly Route[]): void {
    const byKey = new Map(this.gate.routing.routes.map((route) => [route.key, route]))
    for (const route of old) {
      const successor = byKey.get(route.key)
      if (successor === undefined || !route.pool.waitsForServers) continue
      route.successor = successor
      route.pool.queue.handOver(successor.pool.queue)
    }
  }

  #readAgain(): Promise<void> {
    const { file } = this.#source
    if (file !== undefined) return this.reload(file)
    return Promise.reject(new ChangeError('invalid', 'the configuration comes from no file that could be read again'))
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
    // A check never holds up the end.
    this.#checks.close()
    await this.gate.forwarder.drain(timeout)
    await this.feeds.close()
    this.gate.forwarder.deadlines.close()
    for (const detach of this.#detachers) detach()
    for (const { pool } of this.gate.routing.routes) pool.close()
    this.#directory.sweep()
    this.events.emit('close')
  }

  #routing({ entries, defaults }: ResolvedConfig): Routing {
    const routes: Route[] = []
    try {
      for (const entry of entries) routes.push(this.#route(entry))
    } catch (error) {
      // A balancer's factory, which may be anybody's, has thrown.
      for (const { pool } of routes) pool.close()
      throw error
    }
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

  #route({ name, isLabelled, options, place, patternPlaces }: ResolvedEntry): Route {
    const pool = new Pool({
      name,
      options,
      directory: this.#directory,
      checks: this.#checks,
      clock: this.#clock,
      random: this.#random,
      carriers: {
        take: (address) => this.#upstreams.take(address, options),
        giveBack: (upstream) => this.#upstreams.giveBack(upstream),
        key: (address) => this.#upstreams.key(address, options),
        probe,
        ready: ({ ready }) => ready !== false,
        limit: ({ limit }) => limit ?? Number.POSITIVE_INFINITY,
        watch: (upstream, changed) => upstream.watch?.(changed) ?? (() => {}),
      },
      onChange: (change) => this.control.told({ pool: name, ...change }),
    })
    const key = isLabelled ? name : matchKey(options)
    const counts = this.#counts.get(key) ?? new RouteCounts()
    this.#counts.set(key, counts)
    return { name, key, options, pool, budget: new RetryBudget(this.#clock), counts, place, patternPlaces }
  }

  #tell(change: StateChange): void {
    const { server, from, to, reason } = change
    const message = `${server} is ${to}, was ${from}: ${reason}`
    // Of a check that several entries share each of them tells, at the same moment.
    const line = `${this.#clock.now()} ${message}`
    if (this.#logStates && line !== this.#lastLine) {
      if (to === 'up') this.#logger.info(message)
      else this.#logger.warn(message)
    }
    this.#lastLine = line
    this.events.emit('serverStateChange', change)
  }

  /** The first entry that has the server. */
  #poolOf(server: string): string {
    const { routes } = this.gate.routing
    return routes.find(({ pool }) => pool.members.some(({ id }) => id === server))?.name ?? ''
  }
}

/** What an entry without a label is known by: its number changes with the entries before it. */
function matchKey({ match, host, method }: ResolvedEntry['options']): string {
  const texts = (patterns: readonly { readonly text: string }[] | undefined) => patterns?.map(({ text }) => text)
  return JSON.stringify([texts(match), texts(host), method])
}
