/**
 * One upstream address and what is known about it. Entries that name the same address share it: a failure that one of
 * them sees spares the others.
 */

import type { Clock } from '../clock.js'
import type { ServerAddress } from './address.js'
import { Durations } from './durations.js'
import { PassiveHealth } from './passive-health.js'

/**
 * Where a server stands. `offline`: it failed requests, and rests. `down`: its active check fails. `draining`: it
 * finishes what it has, and gets nothing new. `disabled`: somebody has taken it out.
 */
export type ServerState = 'up' | 'offline' | 'down' | 'draining' | 'disabled'

/** A change of state, told once. */
export interface ServerStateChange {
  /** The server's address. */
  readonly server: string
  readonly from: ServerState
  readonly to: ServerState
  readonly reason: string
  /** For how many milliseconds it is left alone; only of `offline`. */
  readonly rest?: number
}

/** Whoever keeps lists of eligible servers. */
export interface ServerWatcher {
  /** The server may have become eligible, or ceased to be. `returned`: it was offline, and is up. */
  serverChanged(server: Server, returned: boolean): void
  /** A request to the server began, of whatever pool. Told only to watchers that asked for it. */
  serverTaken(server: Server): void
  /** A request to the server ended. Told only to watchers that asked for it. */
  serverFreed(server: Server): void
}

/** How much of a server one pool uses. */
export class Usage {
  /** Requests under way. */
  active = 0
  /** Called once, when the last of them is over. */
  readonly whenIdle: Set<() => void> = new Set()
}

export class Server {
  readonly address: ServerAddress
  readonly health: PassiveHealth
  /** Requests under way, of all pools. */
  active = 0
  /** Requests that it answered, and that it failed. */
  succeeded = 0
  failed = 0
  /** From the request sent to the head of the answer. */
  readonly latency: Durations = new Durations()
  /** Why it is in its state; empty when nothing ever happened. */
  reason = ''
  /** Since when it is, in milliseconds since the Unix epoch; null when nothing ever happened. */
  since: number | null = null
  /** By the names of pools: requests go on over a reload that makes their pool anew. */
  readonly #usages = new Map<string, Usage>()
  readonly #watchers = new Set<ServerWatcher>()
  readonly #limitWatchers = new Set<ServerWatcher>()
  readonly #onChange: (change: ServerStateChange) => void

  constructor(address: ServerAddress, clock: Clock, onChange: (change: ServerStateChange) => void) {
    this.address = address
    this.#onChange = onChange
    this.health = new PassiveHealth(clock, {
      healthChanged: (from, to, reason) => {
        this.reason = reason
        this.since = clock.wallTime()
        this.#notify(to === 'up')
        const rest = to === 'offline' ? { rest: this.health.rest } : {}
        this.#onChange({ server: this.address.id, from, to, reason, ...rest })
      },
      trialChanged: () => this.#notify(false),
    })
  }

  get state(): ServerState {
    return this.health.state
  }

  /** How much of it the pool of this name uses. */
  usage(pool: string): Usage {
    let usage = this.#usages.get(pool)
    if (usage === undefined) {
      usage = new Usage()
      this.#usages.set(pool, usage)
    }
    return usage
  }

  /** `limits`: tell this watcher of every request that begins and ends. */
  watch(watcher: ServerWatcher, limits: boolean): void {
    this.#watchers.add(watcher)
    if (limits) this.#limitWatchers.add(watcher)
  }

  unwatch(watcher: ServerWatcher): void {
    this.#watchers.delete(watcher)
    this.#limitWatchers.delete(watcher)
  }

  /** Nobody watches it: it can be forgotten. */
  get unwatched(): boolean {
    return this.#watchers.size === 0
  }

  /** A request to it begins. */
  enter(): void {
    this.active++
    if (this.#limitWatchers.size > 0) for (const watcher of this.#limitWatchers) watcher.serverTaken(this)
  }

  /** A request to it is over. */
  leave(): void {
    this.active--
    if (this.#limitWatchers.size > 0) for (const watcher of this.#limitWatchers) watcher.serverFreed(this)
  }

  #notify(returned: boolean): void {
    for (const watcher of this.#watchers) watcher.serverChanged(this, returned)
  }
}

/** Every server by its address. It outlives a reload, so that states do. */
export class ServerDirectory {
  readonly #servers = new Map<string, Server>()
  readonly #clock: Clock
  readonly #onChange: (change: ServerStateChange) => void

  constructor(clock: Clock, onChange: (change: ServerStateChange) => void) {
    this.#clock = clock
    this.#onChange = onChange
  }

  /** The server at `address`, made when it is not known yet. */
  at(address: ServerAddress): Server {
    let server = this.#servers.get(address.id)
    if (server === undefined) {
      server = new Server(address, this.#clock, this.#onChange)
      this.#servers.set(address.id, server)
    } else if (server.unwatched) {
      // It was gone, and only known for what was still under way there.
      server.health.heardUp('it is back')
    }
    return server
  }

  /** The server of an id, if it is known. */
  find(id: string): Server | undefined {
    return this.#servers.get(id)
  }

  /** Forgets servers that no pool uses any more. */
  sweep(): void {
    for (const [id, server] of this.#servers) {
      if (!server.unwatched || server.active > 0) continue
      server.health.close()
      this.#servers.delete(id)
    }
  }

  [Symbol.iterator](): Iterator<Server> {
    return this.#servers.values()
  }
}
