/**
 * The serving processes: kept at their number, started with the picture of the moment, ended together.
 *
 * What changes the picture and what gives it to new processes happens in turn. So each process has either been given
 * the picture with a change in it, or gets the change afterwards, and never both.
 */

import { MessageChannel } from 'node:worker_threads'
import type { Clock } from '../clock.js'
import { messageOf } from '../config/section.js'
import { ChangeError } from '../forward/control.js'
import type { Logger } from '../forward/events.js'
import type { Random } from '../random.js'
import { GoneError } from './channel.js'
import { Heartbeat } from './heartbeat.js'
import type { Picture } from './messages.js'
import type { ServingProcess, Spawn } from './serving-process.js'
import { Slot } from './slot.js'

export interface FleetSettings {
  /** How many. */
  readonly processes: number
  readonly spawn: Spawn
  readonly logger: Logger
  readonly clock: Clock
  readonly random: Random
  /** What a process that starts now has to know. */
  readonly picture: () => Picture
  /** A process can be talked to from now on. */
  readonly began: (process: ServingProcess) => void
  readonly ended: (process: ServingProcess) => void
}

/** Milliseconds beyond its time that a process may take to end before it is killed. */
const killTime = 1_000
/** Milliseconds for what is under way in a process that has to be replaced. */
const retireTimeout = 30_000

export class Fleet {
  readonly #settings: FleetSettings
  readonly #slots: readonly Slot[]
  /** Its open port keeps this process alive while no other one does: timers do not. */
  readonly #alive = new MessageChannel()
  readonly #heartbeat: Heartbeat
  #turns: Promise<unknown> = Promise.resolve()
  #startPlanned = false
  /** While it opens. */
  #opening: { failed(why: Error): void; progress(): void } | undefined
  #stopping: Promise<void> | undefined
  #progressOfStop: () => void = () => {}

  constructor(settings: FleetSettings) {
    const { processes, spawn, clock, random } = settings
    this.#settings = settings
    const events = {
      waiting: (process: ServingProcess) => {
        settings.began(process)
        this.#planStart()
      },
      gone: (process: ServingProcess, how: string, slot: Slot) => this.#gone(process, how, slot),
    }
    this.#slots = Array.from({ length: processes }, () => new Slot(spawn, clock, random, events))
    this.#alive.port1.on('message', () => {})
    this.#heartbeat = new Heartbeat(clock, () => this.processes)
  }

  get stopping(): boolean {
    return this.#stopping !== undefined
  }

  get processes(): readonly ServingProcess[] {
    return this.#slots.flatMap(({ process }) => process ?? [])
  }

  /** Those that take part in what changes. */
  get informed(): readonly ServingProcess[] {
    return this.processes.filter(({ informed }) => informed)
  }

  /** Starts all; resolves when they serve. Rejects when one of them cannot; those that can have to be stopped then. */
  async open(): Promise<void> {
    await new Promise<void>((resolve, failed) => {
      this.#opening = {
        failed,
        progress: () => {
          if (this.#slots.every(({ process }) => process?.serves)) resolve()
        },
      }
      for (const slot of this.#slots) slot.fill()
    })
    this.#opening = undefined
    this.#heartbeat.begin()
  }

  /** Does one thing after the other. Rejects when all is about to end. */
  inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    const done = this.#turns.then(() => {
      if (this.stopping) throw new ChangeError('invalid', 'the proxy is about to stop')
      return work()
    })
    this.#turns = done.catch(() => {})
    return done
  }

  /** A process that cannot go on like this finishes its requests, and is replaced. */
  retire(process: ServingProcess, why: string): void {
    if (!process.informed) return
    this.#settings.logger.error(`process ${process.pid} ${why}; it finishes its requests and is replaced`)
    process.stop(retireTimeout)
  }

  /** See `Manager.stop`. */
  stop(timeout: number): Promise<void> {
    this.#stopping ??= this.#stop(timeout)
    return this.#stopping
  }

  /** Ends all at once. */
  kill(): void {
    for (const process of this.processes) process.kill('was killed')
  }

  /** Those that wait are started together, once what is under way is over. */
  #planStart(): void {
    if (this.#startPlanned || this.stopping) return
    this.#startPlanned = true
    this.inTurn(() => this.#startWaiting()).catch(() => {})
  }

  async #startWaiting(): Promise<void> {
    this.#startPlanned = false
    const waiting = this.processes.filter(({ waits }) => waits)
    // Where nobody listens yet, one goes ahead: when an address cannot be had, the primary of node:cluster (Node 20)
    // survives one process that asks for it at a time, and throws at the second.
    const first = this.informed.length === 0 ? waiting.shift() : undefined
    if (first !== undefined && !(await this.#start(first))) {
      if (waiting.length > 0) this.#planStart()
      return
    }
    await Promise.all(waiting.map((process) => this.#start(process)))
  }

  async #start(process: ServingProcess): Promise<boolean> {
    try {
      await process.start(this.#settings.picture())
    } catch (error) {
      if (!(error instanceof GoneError)) {
        this.#opening?.failed(error as Error)
        process.kill(`was killed: it could not serve: ${messageOf(error)}`)
      }
      return false
    }
    this.#opening?.progress()
    return true
  }

  #gone(process: ServingProcess, how: string, slot: Slot): void {
    const { ended, logger } = this.#settings
    ended(process)
    if (this.stopping) {
      this.#progressOfStop()
    } else if (this.#opening !== undefined) {
      this.#opening.failed(new Error(`process ${process.pid} ${how} before it served`))
    } else {
      const delay = slot.refill()
      const when = delay === 0 ? 'at once' : `in ${(delay / 1000).toFixed(1)} s`
      logger.error(`process ${process.pid} ${how}; another one takes its place ${when}`)
    }
  }

  async #stop(timeout: number): Promise<void> {
    const { clock, logger } = this.#settings
    for (const slot of this.#slots) slot.close()
    // From now on there is a time by which each has to have ended, whether it answers or not.
    this.#heartbeat.stop()
    const late = clock.setTimeout(() => {
      for (const process of this.processes) {
        logger.warn(`process ${process.pid} had not ended after ${(timeout + killTime) / 1000} s, and is killed`)
        process.kill('was killed')
      }
    }, timeout + killTime)
    await new Promise<void>((resolve) => {
      this.#progressOfStop = () => {
        if (this.processes.length === 0) resolve()
      }
      for (const process of this.processes) process.stop(timeout)
      this.#progressOfStop()
    })
    late.cancel()
    this.#alive.port1.close()
  }
}
