/**
 * The contract between a running proxy and whoever manages it (management API, dashboard, metrics, `status`, cluster):
 * what can be asked, and what can be changed.
 *
 * A change is data: it is checked as a whole, takes effect as a whole or not at all, and can be sent to another process
 * and applied there with the same effect. So is a snapshot: those of several processes can be added up.
 */

import type { CheckResult, Verdict } from '../pool/check.js'
import type { DurationCounts } from '../pool/durations.js'
import type { HealthSettings } from '../pool/health-options.js'
import type { ServerState } from '../pool/server.js'
import type { Source } from '../pool/source.js'

export type { HealthSettings, Verdict }

/**
 * Something that is changed while the proxy runs. Servers are named by the `id` of their snapshot, such as
 * `http://10.0.0.1:80`, or as in `ServerList`.
 */
export type Change =
  | {
      readonly kind: 'add'
      /** May be left out where there is only one pool. */
      readonly pool?: string | undefined
      /** As in `ServerList`: `10.0.0.1:80`, `https://h`, `unix:/run/app.sock`. */
      readonly url: string
      readonly weight?: number | undefined
      readonly backup?: boolean | undefined
      /** In place of the pool's settings. */
      readonly health?: HealthSettings | undefined
      /**
       * Seconds, a whole number from 2. The server leaves after that time unless it is added again; left out: it stays.
       * Only where pools are shared: elsewhere it is refused.
       */
      readonly lease?: number | undefined
    }
  | {
      readonly kind: 'remove'
      /** Left out: from every pool that has it. */
      readonly pool?: string | undefined
      readonly server: string
      /**
       * Milliseconds. The server gets nothing new, and leaves once its last request is over, or after this time; what
       * is under way then is cut. Left out: it leaves at once, and what is under way goes on to its end.
       */
      readonly drain?: number | undefined
    }
  | {
      readonly kind: 'server'
      /** Left out: in every pool that has it. */
      readonly pool?: string | undefined
      readonly server: string
      readonly weight?: number | undefined
      readonly state?: 'up' | 'draining' | 'disabled' | undefined
      readonly health?: HealthSettings | undefined
    }
  | {
      readonly kind: 'pool'
      readonly pool: string
      /** Name of a balancer. */
      readonly loadBalance?: string | undefined
      readonly health?: HealthSettings | undefined
      /** What is not set here goes back to what the configuration says. Default: it stays as it is. */
      readonly reset?: boolean
    }
  | SourceChange

/** What a source tells: all of its servers, in place of those that it told before. */
export interface SourceChange {
  readonly kind: 'source'
  /** Left out: in every pool that names the source. */
  readonly pool?: string | undefined
  /** As pools name it, such as `worker:api` and `dns:http://api.internal:80`; `registry` is one of every pool. */
  readonly source: string
  readonly servers: readonly FoundServer[]
}

/** A server that a source has told of. */
export interface FoundServer {
  /** As in `ServerList`. */
  readonly url: string
  /** Default: as the configuration says, if it names the server; otherwise 1. */
  readonly weight?: number | undefined
  /** Default: as the configuration says, if it names the server; otherwise false. */
  readonly backup?: boolean | undefined
  /** Default: `up`. */
  readonly state?: 'up' | 'draining' | 'disabled' | undefined
  /** In place of the pool's settings. */
  readonly health?: HealthSettings | undefined
}

/** A worker that has dialled in. */
export interface DialledIn {
  readonly service: string
  /** Tells it apart from others of its service. */
  readonly instance: string
  /** A whole number from 1 to 1000. */
  readonly weight: number
}

/** A server that a change concerned. */
export interface ChangedServer {
  readonly pool: string
  /** Its address as it is shown, without password. */
  readonly server: string
}

/** What a change did. */
export interface ChangeResult {
  /** False: all was as wanted already. */
  readonly changed: boolean
  readonly servers: readonly ChangedServer[]
}

/** Why a change was refused; nothing was changed. */
export class ChangeError extends Error {
  /**
   * `not-found`: no such pool or server; `invalid`: the change makes no sense, and the message says why; `unavailable`:
   * what it would be written to cannot be reached at the moment.
   */
  readonly code: 'not-found' | 'invalid' | 'unavailable'

  constructor(code: 'not-found' | 'invalid' | 'unavailable', message: string) {
    super(message)
    this.name = 'ChangeError'
    this.code = code
  }
}

/** One check of a server. */
export type CheckSnapshot = CheckResult

/** A server of a pool, as it stands. */
export interface ServerSnapshot {
  /** Its address in the canonical form, such as `http://10.0.0.1:80`; unique in its pool. */
  readonly id: string
  readonly url: string
  /** Empty for a Unix socket. */
  readonly host: string
  /** 0 for a Unix socket. */
  readonly port: number
  readonly pool: string
  readonly state: ServerState
  /** Why it is in its state; empty when nothing ever happened. */
  readonly reason: string
  readonly weight: number
  readonly backup: boolean
  /** What has told of it, such as `worker:api`; null for one of the configuration or of the API. */
  readonly source: string | null
  /** Requests under way. */
  readonly connections: number
  readonly consecutiveFailures: number
  /** Until when it is left alone, in milliseconds since the Unix epoch; null when it is not `offline`. */
  readonly offlineUntil: number | null
  readonly lastCheck: CheckSnapshot | null
  /** Since when it is in its state, in milliseconds since the Unix epoch; null when nothing ever happened. */
  readonly since: number | null
  /** Requests that it answered, and that it failed, since the start. Of all pools that have the server. */
  readonly success: number
  readonly failed: number
  /** From the request sent to the head of the answer. */
  readonly latency: DurationCounts
}

/** A pool, as it stands. */
export interface PoolSnapshot {
  readonly name: string
  readonly balancer: string
  /** The settings of its active check in milliseconds; null without one. */
  readonly health: {
    readonly path: string
    readonly interval: number
    readonly timeout: number
    readonly fails: number
    readonly passes: number
    readonly status: string
  } | null
  /** Requests that wait for a server. */
  readonly queued: number
  /** Requests that ended, by the first digit of the status that the client got; `0` for none. */
  readonly requests: readonly number[]
  /** Tries that failed and were followed by another. */
  readonly retries: number
  /** From the head of the request to the end of the answer. */
  readonly duration: DurationCounts
  readonly servers: readonly ServerSnapshot[]
}

/** A proxy, as it stands. */
export interface Snapshot {
  readonly pools: readonly PoolSnapshot[]
  /** Requests under way. */
  readonly active: number
  /** Requests of clients, and tries at servers, since the start. */
  readonly client: { readonly success: number; readonly failed: number }
  readonly server: { readonly success: number; readonly failed: number }
  /** Processes that serve; the proxy's own alone where there is no cluster. */
  readonly processes: readonly ProcessSnapshot[]
  /** Where pools are shared among machines. */
  readonly registry?: RegistrySnapshot
}

/** The registry, as it stands. */
export interface RegistrySnapshot {
  /** Its address, without password. */
  readonly url: string
  /** False: what was known last goes on, and changes through the API are refused. */
  readonly connected: boolean
  /** Why it is not connected; empty while it is. */
  readonly reason: string
  /** Since when it is connected, or not; in milliseconds since the Unix epoch. */
  readonly since: number
}

/** A process that serves. */
export interface ProcessSnapshot {
  readonly pid: number
  /** When it began, in milliseconds since the Unix epoch. */
  readonly started: number
  /** Resident memory in bytes. */
  readonly memory: number
  /** User and system time so far, in seconds. */
  readonly cpu: number
}

/** A server's change of state, as it is told. */
export interface StateChange {
  readonly pool: string
  readonly server: string
  readonly from: ServerState
  readonly to: ServerState
  readonly reason: string
  /** For how many milliseconds it is left alone; only of `offline`. */
  readonly rest?: number
}

/** What requests have told another process about a server. */
export interface Experience {
  readonly server: string
  readonly state: 'up' | 'offline'
  /** Milliseconds that an `offline` server is left alone from now on. */
  readonly rest: number
  readonly reason: string
}

/** A running proxy, or several processes of one, to those who manage it. */
export interface Control {
  /** As it stands, in all processes. */
  snapshot(): Promise<Snapshot>
  /** In force in every process when it resolves. Rejects with a {@link ChangeError}, and has then changed nothing. */
  change(change: Change): Promise<ChangeResult>
  /** Reads the file again. Rejects with a `ConfigError`, and has then changed nothing; with a {@link ChangeError} where there is no file. */
  reload(): Promise<void>
  /** The configuration as it was read, as text of a file, secrets left out; what was changed since is not in it. */
  configuration(): string
  /** Requests are taken; false as soon as it is about to stop. */
  readonly ready: boolean
  /** Calls `listener` on each change of a server's state; returns how to stop. */
  watch(listener: (change: StateChange) => void): () => void
}

/** The control of a proxy in this process, with what it takes to give another process the same picture. */
export interface LocalControl extends Control {
  /**
   * What has been changed since the start and still matters, in as few changes as possible: applied in order to a new
   * proxy of the same configuration, they lead to the same servers and states.
   */
  readonly changes: readonly Change[]
  readonly verdicts: readonly Verdict[]
  /** What pools name in place of servers. */
  readonly sources: readonly Source[]
  /** Makes the changes of another process; those that have no place here (no such pool or server) are left out. */
  restore(changes: readonly Change[]): void
  /** Takes over verdicts of another process; those of checks that are not known here are left out. */
  apply(verdicts: readonly Verdict[]): void
  /** Takes over what requests have told another process; servers that are not known here are left out. */
  hear(experiences: readonly Experience[]): void
  /** Calls `listener` after each check; returns how to stop. */
  watchVerdicts(listener: (verdict: Verdict) => void): () => void
}
