/** Serving processes that live in the process of the test: the real serving side, over a port that a test can cut. */

import type { Port } from '#lib/cluster/channel.js'
import { Manager, type ManagerSettings } from '#lib/cluster/manager.js'
import type { Listening, Message } from '#lib/cluster/messages.js'
import { type ManagerSide, type Served, serve } from '#lib/cluster/process.js'
import type { Child } from '#lib/cluster/serving-process.js'
import {
  type Change,
  ChangeError,
  type ChangeResult,
  type DialledIn,
  type Experience,
  type LocalControl,
  type ServerSnapshot,
  type Snapshot,
  type StateChange,
  type Verdict,
} from '#lib/forward/control.js'
import type { Logger } from '#lib/forward/events.js'
import { noDurations } from '#lib/pool/durations.js'
import type { ServerState } from '#lib/pool/server.js'
import type { Source } from '#lib/pool/source.js'
import { ManualClock } from '../support/clock.js'
import { scriptedRandom } from '../support/random.js'

export function serverSnapshot(id: string, fields: Partial<ServerSnapshot> = {}): ServerSnapshot {
  return {
    id,
    url: `http://${id}`,
    host: id,
    port: 80,
    pool: 'a',
    state: 'up',
    reason: '',
    weight: 1,
    backup: false,
    source: null,
    connections: 0,
    consecutiveFailures: 0,
    offlineUntil: null,
    lastCheck: null,
    since: null,
    success: 0,
    failed: 0,
    latency: noDurations(),
    ...fields,
  }
}

export function snapshotOf(servers: readonly ServerSnapshot[], fields: Partial<Snapshot> = {}): Snapshot {
  const pool = {
    name: 'a',
    balancer: 'Round-Robin',
    health: null,
    queued: 0,
    requests: [0, 0, 0, 0, 0, 0],
    retries: 0,
    duration: noDurations(),
    servers,
  }
  const none = { success: 0, failed: 0 }
  return { pools: [pool], active: 0, client: none, server: none, processes: [], ...fields }
}

/** A proxy with one pool `a`, of which only what is managed is there. */
export class StubControl implements LocalControl {
  readonly servers = new Map<string, ServerState>()
  readonly applied: Change[] = []
  readonly seen: Verdict[] = []
  verdicts: Verdict[] = []
  success = 0
  /** What a drain waits for. */
  drained: Promise<void> = Promise.resolve()
  readonly ready = true
  sources: Source[] = []
  readonly #watchers = new Set<(change: StateChange) => void>()
  readonly #verdictWatchers = new Set<(verdict: Verdict) => void>()

  get changes(): readonly Change[] {
    return this.applied
  }

  async snapshot(): Promise<Snapshot> {
    const servers = [...this.servers].map(([id, state]) => serverSnapshot(id, { state, success: this.success }))
    return snapshotOf(servers, { client: { success: this.success, failed: 0 } })
  }

  async change(change: Change): Promise<ChangeResult> {
    if (change.kind === 'pool') throw new ChangeError('invalid', 'not in this stub')
    if (change.kind === 'source') {
      this.applied.push(change)
      return { changed: true, servers: [] }
    }
    const server = change.kind === 'add' ? change.url : change.server
    const known = this.servers.has(server)
    if (change.kind !== 'add' && !known) throw new ChangeError('not-found', `no server ${server}`)
    this.applied.push(change)
    if (change.kind === 'add' && !known) this.servers.set(server, 'up')
    if (change.kind === 'remove') {
      if (change.drain !== undefined) {
        this.setState(server, 'draining', 'asked for')
        await this.drained
        // It may have been added again.
        if (this.servers.get(server) !== 'draining') return { changed: true, servers: [{ pool: 'a', server }] }
      }
      this.servers.delete(server)
    }
    if (change.kind === 'server' && change.state !== undefined) this.setState(server, change.state, 'asked for')
    return { changed: !(change.kind === 'add' && known), servers: [{ pool: 'a', server }] }
  }

  setState(server: string, to: ServerState, reason: string): void {
    const from = this.servers.get(server) ?? 'up'
    this.servers.set(server, to)
    const rest = to === 'offline' ? { rest: 60_000 } : {}
    if (from !== to) for (const watcher of this.#watchers) watcher({ pool: 'a', server, from, to, reason, ...rest })
  }

  async reload(): Promise<void> {}

  configuration(): string {
    return 'the text'
  }

  watch(listener: (change: StateChange) => void): () => void {
    this.#watchers.add(listener)
    return () => void this.#watchers.delete(listener)
  }

  restore(changes: readonly Change[]): void {
    for (const change of changes) this.change(change).catch(() => {})
  }

  apply(verdicts: readonly Verdict[]): void {
    this.seen.push(...verdicts)
  }

  hear(experiences: readonly Experience[]): void {
    for (const { server, state, reason } of experiences) this.setState(server, state, reason)
  }

  check(verdict: Verdict): void {
    for (const watcher of this.#verdictWatchers) watcher(verdict)
  }

  watchVerdicts(listener: (verdict: Verdict) => void): () => void {
    this.#verdictWatchers.add(listener)
    return () => void this.#verdictWatchers.delete(listener)
  }
}

/** What a fake process does otherwise than well. */
export interface Faults {
  /** It says nothing at all. */
  silent?: boolean
  /** It cannot listen: at its start, or with this configuration. */
  cannotListen?: string
  /** It dies as soon as it is started. */
  diesAtStart?: boolean
  protocol?: number
}

export class FakeProcess implements Child {
  static #pids = 1000
  readonly pid: number = FakeProcess.#pids++
  readonly control = new StubControl()
  readonly told: string[] = []
  configuration: unknown
  alive = true
  /** While frozen it hears nothing; what is sent to it waits. */
  #frozen: Message[] | undefined
  #finishClose: (() => void) | undefined
  readonly #faults: Faults
  readonly #exits: ((how: string) => void)[] = []
  readonly #closes: (() => void)[] = []
  #toManager: (message: unknown) => void = () => {}
  #toProcess: (message: unknown) => void = () => {}
  /** It closes only when told so by `finish`. */
  readonly #slowToClose: boolean

  constructor(faults: Faults, slowToClose: boolean, clock: ManualClock) {
    this.#faults = faults
    this.#slowToClose = slowToClose
    const port: Port = {
      send: (message) => {
        const sent = faults.protocol === undefined ? message : withProtocol(message, faults.protocol)
        this.#later(() => {
          if (this.alive) this.#toManager(sent)
        })
      },
      onMessage: (listener) => {
        this.#toProcess = listener as (message: unknown) => void
      },
      onClose: () => {},
    }
    if (faults.silent === true) return
    serve({
      port,
      clock,
      open: (configuration, manager) => this.#open(configuration, manager),
      exit: () => this.die('ended with exit code 0'),
    })
  }

  send(message: Message): void {
    this.told.push('name' in message ? message.name : message.type)
    const copy = JSON.parse(JSON.stringify(message))
    if (this.#frozen !== undefined) this.#frozen.push(copy)
    else {
      this.#later(() => {
        if (this.alive) this.#toProcess(copy)
      })
    }
  }

  onMessage(listener: (message: unknown) => void): void {
    this.#toManager = listener
  }

  onClose(listener: () => void): void {
    this.#closes.push(listener)
  }

  onExit(listener: (how: string) => void): void {
    this.#exits.push(listener)
  }

  kill(): void {
    this.#later(() => this.die('was ended by SIGKILL'))
  }

  die(how: string): void {
    if (!this.alive) return
    this.alive = false
    for (const close of this.#closes) close()
    for (const exit of this.#exits) exit(how)
  }

  freeze(): void {
    this.#frozen = []
  }

  thaw(): void {
    const waiting = this.#frozen ?? []
    this.#frozen = undefined
    for (const message of waiting) this.#toProcess(message)
  }

  /** What was under way is over. */
  finish(): void {
    this.#finishClose?.()
  }

  #later(work: () => void): void {
    queueMicrotask(work)
  }

  /** Workers dial in, or leave. */
  dial: (workers: readonly DialledIn[]) => void = () => {}

  #open(configuration: unknown, { workers }: ManagerSide): Served {
    this.configuration = configuration
    this.dial = workers
    const listening: Listening = { urls: [`http://localhost:8080`], warnings: [] }
    return {
      control: this.control,
      listen: async () => {
        if (this.#faults.diesAtStart === true) this.die('was ended by SIGSEGV')
        if (this.#faults.cannotListen === configuration) throw new Error('the address is in use')
        return listening
      },
      reload: async (next) => {
        if (this.#faults.cannotListen === next) throw new Error('the address is in use')
        this.configuration = next
        return listening
      },
      close: () =>
        this.#slowToClose
          ? new Promise((resolve) => {
              this.#finishClose = resolve
            })
          : Promise.resolve(),
    }
  }
}

function withProtocol(message: Message, protocol: number): Message {
  return message.type === 'notice' && message.name === 'hello' ? { ...message, body: { protocol } } : message
}

/** Everything that a manager of fake processes needs, and what it does. */
export class FakeCluster {
  readonly clock = new ManualClock()
  readonly model = new StubControl()
  readonly spawned: FakeProcess[] = []
  readonly lines: string[] = []
  /** Of the processes that are started from now on. */
  faults: Faults = {}
  slowToClose = false
  readonly logger: Logger = {
    info: (line) => void this.lines.push(`info ${line}`),
    warn: (line) => void this.lines.push(`warn ${line}`),
    error: (line) => void this.lines.push(`error ${line}`),
  }

  get living(): readonly FakeProcess[] {
    return this.spawned.filter(({ alive }) => alive)
  }

  open(settings: Partial<ManagerSettings> = {}): Promise<Manager> {
    return Manager.open({
      processes: 3,
      model: this.model,
      configuration: 'first',
      spawn: () => {
        const process = new FakeProcess({ ...this.faults }, this.slowToClose, this.clock)
        this.spawned.push(process)
        return process
      },
      logger: this.logger,
      clock: this.clock,
      random: scriptedRandom(0.5),
      ...settings,
    })
  }
}
