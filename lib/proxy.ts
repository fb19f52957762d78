/** What a running proxy is to those who use the library. */

import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Clock } from './clock.js'
import type { Config } from './config/load.js'
import type { DialledIn, LocalControl, SourceChange } from './forward/control.js'
import type { Logger, ProxyEvents, ProxyStats } from './forward/events.js'
import type { ExplainRequest, Explanation } from './forward/explain.js'
import type { PoolStatus } from './forward/status-page.js'
import type { AttachableServer } from './middleware/attach.js'
import type { Next } from './middleware/node.js'
import type { Random } from './random.js'

/** What a proxy is made with, beside its configuration. */
export interface ProxySettings {
  /** Where it writes; `false`: nowhere. Default: `console`. */
  readonly logger?: Logger | false
  /** Time, for tests. Default: the machine's. */
  readonly clock?: Clock
  /** Chance, for tests. Default: the machine's. */
  readonly random?: Random
  /** False: servers are not checked from here; verdicts come through `control.apply`. Default: true. */
  readonly activeChecks?: boolean
  /** False: changes of state are told to listeners alone, and not written to the log. Default: true. */
  readonly logStates?: boolean
  /**
   * What the page at `StatisticsURL` shows, where several processes serve as one. While it rejects the page shows what
   * this process has counted, and says so. Default: what this process has counted.
   */
  readonly statistics?: () => Promise<readonly PoolStatus[]>
  /** False: names are not looked up from here; what is found comes through `control.change`. Default: true. */
  readonly discovers?: boolean
  /** Is told what was found by DNS, and makes the change wherever it has to be made. Default: it is made here. */
  readonly onFound?: (change: SourceChange) => void
  /** Is told all workers that have dialled in here, whenever that changes. Default: the pools here take them. */
  readonly onWorkers?: (workers: readonly DialledIn[]) => void
  /** Which one it is of the processes that share an address at which workers dial in. Default: the only one. */
  readonly process?: ProcessOfSeveral
}

/** One of several processes that serve as one. */
export interface ProcessOfSeveral {
  /** Tells it apart. */
  readonly id: string
  /** How many there are. */
  readonly count: number
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
  /**
   * Takes the join request of a worker (`Upgrade: pointsman-worker`); for those who listen to `upgrade` themselves. False:
   * it is none, the socket is untouched.
   */
  acceptWorker(req: IncomingMessage, socket: Duplex, head: Buffer): boolean
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
  /** What can be asked and changed while it runs: servers, their states and weights, balancers, checks. */
  readonly control: LocalControl
  /** The entries and their servers, as they stand now. */
  readonly pools: readonly PoolStatus[]
  /** Every file that the configuration was read from. */
  readonly files: readonly string[]
}
