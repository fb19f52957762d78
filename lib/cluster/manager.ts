/**
 * Several processes that serve, managed as one.
 *
 * The manager has a model of the proxy, which never sees a request: every change is checked by it, the active checks run
 * in it, and a process that starts is given what it holds.
 */

import type { Clock } from '../clock.js'
import { messageOf } from '../config/section.js'
import {
  type Change,
  ChangeError,
  type ChangeResult,
  type Control,
  type LocalControl,
  type Snapshot,
  type StateChange,
} from '../forward/control.js'
import type { Logger } from '../forward/events.js'
import { workerChanges } from '../forward/found.js'
import { statusOf } from '../forward/status-page.js'
import type { Random } from '../random.js'
import { Experiences } from './experiences.js'
import { Fleet } from './fleet.js'
import type { Listening } from './messages.js'
import { checkRemovable, isNotFound, Removals, unlessNotFound } from './removals.js'
import { Rolling } from './rolling.js'
import type { ServingProcess, Spawn } from './serving-process.js'
import { SummedStates } from './states.js'
import { RunningSum } from './sum.js'
import { Workers } from './workers.js'

/** A configuration that was read and found good. */
export interface NextConfiguration {
  /** For the serving processes; survives JSON. */
  readonly configuration: unknown
  /** Puts it in force in the model; the processes serve it already. */
  commit(listening: Listening): Promise<void>
}

export interface ManagerSettings {
  /** How many processes serve, 1 or more. */
  readonly processes: number
  /** Checks actively, and writes no lines about states: those are the manager's. */
  readonly model: LocalControl
  /** For the serving processes; survives JSON. */
  readonly configuration: unknown
  /** Reads the configuration again, and changes nothing yet; absent: it came from no file. */
  readonly read?: () => Promise<NextConfiguration>
  readonly spawn: Spawn
  readonly logger: Logger
  readonly clock: Clock
  readonly random: Random
}

export class Manager implements Control {
  readonly #model: LocalControl
  readonly #read: (() => Promise<NextConfiguration>) | undefined
  readonly #logger: Logger
  readonly #fleet: Fleet
  readonly #rolling: Rolling
  readonly #workers = new Workers()
  #tellPlanned = false
  readonly #states: SummedStates
  readonly #experiences: Experiences
  readonly #removals = new Removals()
  readonly #sum = new RunningSum()
  readonly #watchers = new Set<(change: StateChange) => void>()
  readonly #unwatch: readonly (() => void)[]
  #configuration: unknown
  #refusing = false

  /**
   * Starts the processes; resolves when all of them serve. Rejects when one of them cannot (a `RefusedError` carries its
   * reason); then none is left.
   */
  static async open(settings: ManagerSettings): Promise<Manager> {
    const manager = new Manager(settings)
    try {
      await manager.#fleet.open()
    } catch (error) {
      await manager.stop(0)
      throw error
    }
    return manager
  }

  private constructor(settings: ManagerSettings) {
    const { model, read, logger } = settings
    this.#model = model
    this.#read = read
    this.#logger = logger
    this.#configuration = settings.configuration
    this.#states = new SummedStates((change) => this.#tell(change))
    this.#experiences = new Experiences(settings.clock)
    this.#fleet = new Fleet({
      ...settings,
      picture: () => ({
        configuration: this.#configuration,
        changes: model.changes,
        verdicts: model.verdicts,
        experiences: this.#experiences.current,
      }),
      began: (process) => this.#listenTo(process),
      ended: (process) => {
        if (process.lastSnapshot !== undefined) this.#sum.end(process.lastSnapshot)
        this.#states.forgetProcess(process)
        if (this.#workers.forgetProcess(process)) this.#tellOfWorkers()
      },
    })
    this.#rolling = new Rolling(this.#fleet)
    this.#unwatch = [
      model.watch((change) => this.#states.ofModel(change)),
      model.watchVerdicts((verdict) => {
        for (const process of this.#fleet.informed) process.channel.tell('verdicts', [verdict])
      }),
    ]
  }

  /** Where the processes listen; all at the same addresses. */
  get listening(): Listening {
    return this.#fleet.processes.find(({ serves }) => serves)?.listening ?? { urls: [], warnings: [] }
  }

  /** The processes that serve, by their ids. */
  get pids(): readonly number[] {
    return this.#fleet.processes.filter(({ serves }) => serves).map(({ pid }) => pid)
  }

  get ready(): boolean {
    return !this.#refusing && !this.#fleet.stopping && this.pids.length > 0
  }

  /** `ready` turns false from now on: who asks sends nothing more. */
  refuseNew(): void {
    this.#refusing = true
  }

  async snapshot(): Promise<Snapshot> {
    const started = this.#fleet.processes.filter((process) => process.started)
    const [model] = await Promise.all([this.#model.snapshot(), ...started.map((process) => process.look())])
    // Whoever has ended while the others answered is counted among those that have.
    const live = started.filter((process) => process.started).flatMap(({ lastSnapshot }) => lastSnapshot ?? [])
    return this.#sum.sum(model, live)
  }

  change(change: Change): Promise<ChangeResult> {
    if (change.kind === 'remove' && change.drain !== undefined) return this.#drain(change, change.drain)
    return this.#fleet.inTurn(async () => {
      this.#removals.check(change)
      return this.#make(change)
    })
  }

  /**
   * One process after the other takes the new configuration, in place. Where one cannot (it does not get an address to
   * listen at), those that have taken it go back, and the reload rejects.
   */
  reload(): Promise<void> {
    return this.#fleet.inTurn(async () => {
      if (this.#read === undefined) throw new ChangeError('invalid', 'there is no file that could be read again')
      const next = await this.#read()
      const before = this.#configuration
      try {
        this.#configuration = next.configuration
        await this.#rolling.forward(next.configuration, [])
        await next.commit(this.listening)
      } catch (error) {
        this.#configuration = before
        await this.#rolling.back(before, this.#model.changes)
        throw error
      }
      for (const process of this.#fleet.informed) process.channel.tell('verdicts', this.#model.verdicts)
      await this.#forgetStates()
      // Pools may want other services now.
      for (const change of workerChanges(this.#model.sources, this.#workers.all)) await this.#make(change)
    })
  }

  configuration(): string {
    return this.#model.configuration()
  }

  watch(listener: (change: StateChange) => void): () => void {
    const watcher = (change: StateChange): void => listener(change)
    this.#watchers.add(watcher)
    return () => void this.#watchers.delete(watcher)
  }

  /**
   * All processes accept nothing more, and finish what is under way within `timeout` milliseconds; resolves when they
   * have ended. Those that have not a second later are killed. The model is left to its owner.
   */
  stop(timeout: number): Promise<void> {
    for (const stop of this.#unwatch) stop()
    return this.#fleet.stop(timeout)
  }

  /** Ends all processes at once, for a manager that is about to end itself. */
  kill(): void {
    this.#fleet.kill()
  }

  async #make(change: Change): Promise<ChangeResult> {
    const result = await this.#model.change(change)
    const leaving = result.servers.find((server) => this.#removals.has(server))
    if (change.kind === 'add' && leaving !== undefined) {
      // It is to stay, as a new one.
      await this.#make({ kind: 'remove', ...leaving })
      return this.#make(change)
    }
    await Promise.all(this.#fleet.informed.map((process) => this.#pass(process, change, leaving !== undefined)))
    if (change.kind === 'remove') this.#removals.end(result.servers)
    if (change.kind === 'remove' || change.kind === 'source') await this.#forgetStates()
    return result
  }

  /**
   * All processes drain at the same time, and other changes do not wait for them. Until the last one is done the server
   * is there, as draining, for processes that start meanwhile too.
   */
  async #drain(change: Change & { kind: 'remove' }, time: number): Promise<ChangeResult> {
    const { pool, server } = change
    const { servers, leaving, drained } = await this.#fleet.inTurn(async () => {
      checkRemovable(await this.#model.snapshot(), change)
      const { servers } = await this.#model.change({ kind: 'server', pool, server, state: 'draining' })
      for (const each of servers)
        if (!this.#removals.has(each)) await this.#make({ kind: 'server', ...each, state: 'draining' })
      // One that does not have it any more has nothing to drain.
      const drained = this.#fleet.informed.map((process) => process.command('change', change, time).catch(() => {}))
      return { servers, leaving: this.#removals.begin(servers), drained }
    })
    await Promise.all(drained)
    return this.#fleet.inTurn(async () => {
      // A reload may have dropped it.
      for (const each of this.#removals.left(leaving)) await unlessNotFound(this.#make({ kind: 'remove', ...each }))
      this.#removals.end(this.#removals.left(leaving))
      return { changed: true, servers }
    })
  }

  #listenTo(process: ServingProcess): void {
    process.channel.on('state', (change) => {
      // What arrives behind the news of its end would never be taken back.
      if (process.stage === 'gone') return
      this.#states.ofProcess(process, change)
      if (change.heard !== true) this.#spread(process, change)
    })
    process.channel.on('workers', (workers) => {
      if (process.stage === 'gone') return
      this.#workers.ofProcess(process, workers)
      this.#tellOfWorkers()
    })
    process.channel.answer('statistics', async () => statusOf(await this.snapshot()))
    process.channel.on('log', ({ level, message }) => this.#logger[level](`process ${process.pid}: ${message}`))
  }

  /** In turn: what they are by then counts. */
  #tellOfWorkers(): void {
    if (this.#tellPlanned) return
    this.#tellPlanned = true
    const tell = async (): Promise<void> => {
      this.#tellPlanned = false
      for (const change of workerChanges(this.#model.sources, this.#workers.all)) await this.#make(change)
    }
    this.#fleet.inTurn(tell).catch(() => {})
  }

  /** What one process has found out about a server all others hear. */
  #spread(from: ServingProcess, change: StateChange): void {
    const experience = this.#experiences.learn(change)
    if (experience === undefined) return
    const others = this.#fleet.informed.filter((process) => process !== from)
    for (const process of others) process.channel.tell('experiences', [experience])
  }

  #tell(change: StateChange): void {
    const { server, from, to, reason } = change
    this.#logger[to === 'up' ? 'info' : 'warn'](`${server} is ${to}, was ${from}: ${reason}`)
    for (const watcher of [...this.#watchers]) watcher(change)
  }

  /** A change that the model has taken. `leaving`: where its requests are over, the server has left already. */
  async #pass(process: ServingProcess, change: Change, leaving: boolean): Promise<void> {
    try {
      await process.command('change', change)
    } catch (error) {
      if (leaving && isNotFound(error)) return
      this.#fleet.retire(process, `refused a change that the manager took: ${messageOf(error)}`)
    }
  }

  async #forgetStates(): Promise<void> {
    const { pools } = await this.#model.snapshot()
    const there = new Set(pools.flatMap(({ name, servers }) => servers.map(({ id }) => `${name}\n${id}`)))
    this.#states.keep((pool, server) => there.has(`${pool}\n${server}`))
    const ids = new Set(pools.flatMap(({ servers }) => servers.map(({ id }) => id)))
    this.#experiences.keep((server) => ids.has(server))
  }
}
