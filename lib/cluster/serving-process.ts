/**
 * One serving process, as the manager sees it:
 *
 *     booting → (hello) waiting → start → starting → serving → gone
 *
 * A process that is silent where it has to answer is killed: the manager could not say any more what it does. So is one
 * that hangs: connections that are handed to it would hang with it.
 */

import type { Clock, Timer } from '../clock.js'
import type { Snapshot } from '../forward/control.js'
import { Channel, GoneError, NoAnswerError, type Port, RefusedError } from './channel.js'
import { type Answer, type Ask, type Listening, type Picture, protocol, type RequestName } from './messages.js'

/** A process that was started, with the means to end it. */
export interface Child extends Port {
  /** 0 when it could not even be started. */
  readonly pid: number
  kill(): void
  /** It has ended, or could not be started; `how` says so in words: `was ended by SIGKILL`. Called once, never at once. */
  onExit(listener: (how: string) => void): void
}

/** Starts a process. */
export type Spawn = () => Child

export interface ServingProcessEvents {
  /** It has loaded its code, and can be started. */
  waiting(): void
  gone(how: string): void
}

/** Milliseconds for a process to load its code. */
const bootTimeout = 30_000
/** Milliseconds for an answer. A process that needs longer is stuck. */
const answerTimeout = 10_000
/** Milliseconds without a sign of life after which a process hangs; one that is merely busy answers sooner. */
const hangTime = 10_000
/** Milliseconds for a snapshot; the last one serves for a process that is busy. */
const snapshotTimeout = 500

export class ServingProcess {
  readonly channel: Channel
  stage: 'booting' | 'waiting' | 'starting' | 'serving' | 'gone' = 'booting'
  /** What it was given last. */
  configuration: unknown
  listening: Listening = { urls: [], warnings: [] }
  /** How it stood when it was last asked. */
  lastSnapshot: Snapshot | undefined
  readonly #child: Child
  readonly #bootTimer: Timer
  /** Beats since it has answered last. */
  #beats = 0
  /** It was asked to end, or killed. */
  #ending = false
  /** Why it was killed, if it was. */
  #killed: string | undefined

  constructor(child: Child, clock: Clock, events: ServingProcessEvents) {
    this.#child = child
    this.channel = new Channel(child, clock)
    this.#bootTimer = clock.setTimeout(() => {
      this.kill(`was killed: it was not ready within ${bootTimeout / 1000} s`)
    }, bootTimeout)
    this.channel.on('hello', (hello) => {
      if (this.stage !== 'booting') return
      this.#bootTimer.cancel()
      if (hello.protocol !== protocol) {
        this.kill('was killed: it is of another version than the manager, which has to be started anew')
        return
      }
      this.stage = 'waiting'
      events.waiting()
    })
    child.onExit((how) => {
      this.stage = 'gone'
      this.#bootTimer.cancel()
      events.gone(this.#killed ?? how)
    })
  }

  get pid(): number {
    return this.#child.pid
  }

  /** It can be started. */
  get waits(): boolean {
    return this.stage === 'waiting' && !this.#ending
  }

  /** It has been given a picture, and lives. */
  get started(): boolean {
    return this.stage === 'starting' || this.stage === 'serving'
  }

  /** It takes part in what changes. */
  get informed(): boolean {
    return this.started && !this.#ending
  }

  /** It accepts requests. */
  get serves(): boolean {
    return this.stage === 'serving' && !this.#ending
  }

  /** Resolves when it listens. */
  async start(picture: Picture): Promise<void> {
    this.stage = 'starting'
    this.configuration = picture.configuration
    this.listening = await this.#request('start', picture, answerTimeout)
    if (this.stage === 'starting') this.stage = 'serving'
  }

  /**
   * Has something done; resolves with undefined when the process has ended meanwhile, or was killed since it did not
   * answer. `longer`: milliseconds that it may take beyond the usual. Rejects when it refuses.
   */
  async command<Name extends 'change' | 'reload'>(
    name: Name,
    body: Ask<Name>,
    longer = 0,
  ): Promise<Answer<Name> | undefined> {
    try {
      return await this.#request(name, body, answerTimeout + longer)
    } catch (error) {
      if (error instanceof GoneError || error instanceof NoAnswerError) return undefined
      throw error
    }
  }

  /** Asks how it stands; where it does not answer within `timeout` milliseconds, `lastSnapshot` stays. */
  async look(timeout: number = snapshotTimeout): Promise<void> {
    try {
      this.lastSnapshot = await this.channel.request('snapshot', {}, timeout)
      this.#beats = 0
    } catch (error) {
      // It is not started yet, but lives. Otherwise: busy, or gone.
      if (error instanceof RefusedError) this.#beats = 0
    }
  }

  /**
   * To be called every `interval` milliseconds. Counts its calls and reads no clock: when the manager itself has stood
   * still, or the whole machine, the processes have not had that time to answer.
   */
  beat(interval: number): void {
    if (this.#beats * interval >= hangTime) this.kill(`was killed: it has not answered for ${hangTime / 1000} s`)
    else {
      this.#beats++
      void this.look(hangTime)
    }
  }

  /** Asks it to end, with `timeout` milliseconds for what is under way. Its end is its answer. */
  stop(timeout: number): void {
    if (!this.started) this.kill('was killed before it served')
    else this.channel.request('stop', { timeout }, timeout).catch(() => {})
    this.#ending = true
  }

  kill(why: string): void {
    if (this.stage === 'gone') return
    this.#ending = true
    this.#killed ??= why
    this.#child.kill()
  }

  async #request<Name extends RequestName>(name: Name, body: Ask<Name>, timeout: number): Promise<Answer<Name>> {
    try {
      return await this.channel.request(name, body, timeout)
    } catch (error) {
      if (error instanceof NoAnswerError) this.kill(`was killed: ${error.message}`)
      throw error
    }
  }
}
