/**
 * The access log: a line for each request.
 *
 * Requests never wait for it. Lines gather in memory while a write is under way, and go out together with the next one.
 * When more of them wait than the limit allows they are dropped and counted. A write that fails is tried again, with
 * the same lines; those that come meanwhile wait, or are dropped.
 */

import type { Clock, Timer } from '../clock.js'
import type { Logger } from '../forward/events.js'
import type { AccessEntry } from './entry.js'
import { type LineFormat, lineFormat } from './format.js'
import type { Format } from './options.js'
import type { LogSink } from './sink.js'

export interface AccessLogSettings {
  readonly format: Format
  /** Is told of failures and of lines that were dropped. */
  readonly logger: Logger
  readonly clock: Clock
  /** Bytes that may wait to be written. Default: 1 MiB. */
  readonly limit?: number
  /** Milliseconds in which lines are gathered for one write. Default: 0, those of one turn of the event loop. */
  readonly gatherTime?: number
}

const defaultLimit = 1024 * 1024
/** Bytes that are written at once, without gathering longer. */
const gatherLimit = 64 * 1024
/** Milliseconds until a write that failed is tried again. */
const retryPause = 1_000
/** Milliseconds until a FIFO that was full is tried again. */
const fullPause = 20
/** Milliseconds that `close` waits for what takes nothing. */
const closeTime = 1_000

export class AccessLog {
  readonly #sink: LogSink
  readonly #format: LineFormat
  readonly #logger: Logger
  readonly #clock: Clock
  readonly #limit: number
  readonly #gatherTime: number
  /** Ends the gathering that is under way. */
  #gathered: () => void = () => {}
  /** Lines that wait for the write under way to end. */
  #lines: string[] = []
  /** What is being written. */
  #batch: Buffer = Buffer.alloc(0)
  /** How much of it has been written. */
  #written = 0
  /** Bytes of both that are not written yet. */
  #waiting = 0
  #dropped = 0
  /** A write has failed since lines began to be dropped. */
  #droppedByFailure = false
  #failing = false
  /** The file is to be opened, for the first time or anew. */
  #opening = true
  #running: Promise<void> | undefined
  #retry: Timer | undefined
  #closed: Promise<void> | undefined
  /** `close` has waited long enough. */
  #abandoned = false

  /** `sink`: see `sinkTo`; it is closed with the log. A file is opened soon; that it cannot be is logged, not thrown. */
  constructor(sink: LogSink, { format, logger, clock, limit = defaultLimit, gatherTime = 0 }: AccessLogSettings) {
    this.#sink = sink
    this.#format = lineFormat(format)
    this.#logger = logger
    this.#clock = clock
    this.#limit = limit
    this.#gatherTime = gatherTime
    this.#wake()
  }

  /** Writes a line soon, or drops it when too much waits. Never throws; does nothing after `close`. */
  write(entry: AccessEntry): void {
    if (this.#closed !== undefined) return
    if (this.#waiting > this.#limit) {
      this.#dropped++
      this.#droppedByFailure ||= this.#failing
      return
    }
    const line = this.#format(entry)
    this.#lines.push(line)
    this.#waiting += Buffer.byteLength(line)
    if (this.#waiting >= gatherLimit) this.#gathered()
    this.#wake()
  }

  /**
   * Opens the file anew: for log rotation, which has renamed it. What is being written still goes to the old one, which
   * is then closed.
   */
  reopen(): void {
    if (this.#closed !== undefined) return
    this.#opening = true
    this.#wakeAtOnce()
  }

  /** Writes what waits, and closes the file. Gives up after a second, or when a write fails; then says what is lost. */
  close(): Promise<void> {
    this.#closed ??= this.#end()
    return this.#closed
  }

  async #end(): Promise<void> {
    let timer: Timer | undefined
    const late = new Promise<void>((resolve) => {
      timer = this.#clock.setTimeout(resolve, closeTime)
    })
    await Promise.race([this.#finish(), late])
    timer?.cancel()
    this.#abandoned = true
    const lost = this.#dropped + this.#lines.length + lineCount(this.#batch.subarray(this.#written))
    if (lost > 0) this.#logger.warn(`access log: ${lost} ${lost === 1 ? 'line' : 'lines'} lost, ${this.#why()}`)
  }

  async #finish(): Promise<void> {
    this.#wakeAtOnce()
    await this.#running
    await this.#sink.close().catch((error) => this.#failed(error))
  }

  async #gatherLonger(): Promise<void> {
    let timer: Timer | undefined
    await new Promise<void>((resolve) => {
      this.#gathered = resolve
      timer = this.#clock.setTimeout(resolve, this.#gatherTime)
    })
    timer?.cancel()
    this.#gathered = () => {}
  }

  #wakeAtOnce(): void {
    this.#gathered()
    this.#retry?.cancel()
    this.#retry = undefined
    this.#wake()
  }

  #wake(): void {
    if (this.#running === undefined && this.#retry === undefined) this.#running = this.#run()
  }

  /** Writes until nothing waits, or it cannot go on just now. Never rejects. */
  async #run(): Promise<void> {
    // All lines of one turn go out in one write, or all of the gather time: under load each turn brings some, and a write
    // of its own would cost more than they do.
    await nextTurn()
    const gathers = this.#gatherTime > 0 && this.#waiting < gatherLimit && this.#closed === undefined
    if (gathers) await this.#gatherLonger()
    let pause: number | undefined
    try {
      while (pause === undefined && this.#hasWork()) {
        if (await this.#step()) continue
        // At the end no timer: by itself it would not keep the process alive.
        if (this.#closed === undefined || this.#abandoned) pause = fullPause
        else await nextTurn()
      }
    } catch (error) {
      this.#failed(error)
      pause = retryPause
    }
    this.#running = undefined
    if (pause === undefined || this.#closed !== undefined) return
    this.#retry = this.#clock.setTimeout(() => this.#wakeAtOnce(), pause)
  }

  #hasWork(): boolean {
    return this.#opening || this.#waiting > 0
  }

  /** One write, or opening the file. False: it takes nothing just now. */
  async #step(): Promise<boolean> {
    const begun = this.#written > 0 && this.#written < this.#batch.length
    if (this.#opening && (!begun || this.#failing)) {
      await this.#open()
      return true
    }
    if (this.#written === this.#batch.length) this.#gather()
    const count = await this.#sink.write(this.#written === 0 ? this.#batch : this.#batch.subarray(this.#written))
    this.#written += count
    this.#waiting -= count
    if (count > 0) this.#succeeded()
    return count > 0
  }

  async #open(): Promise<void> {
    // Before it is opened: another `reopen` may come meanwhile.
    this.#opening = false
    this.#rewind()
    try {
      await this.#sink.reopen()
    } catch (error) {
      this.#opening = true
      throw error
    }
  }

  #gather(): void {
    this.#batch = Buffer.from(this.#lines.join(''))
    this.#written = 0
    this.#lines = []
  }

  /** A line that was cut by a failure begins again in the new file. */
  #rewind(): void {
    if (this.#written === this.#batch.length || this.#written === 0) return
    const start = this.#batch.lastIndexOf('\n', this.#written - 1) + 1
    this.#waiting += this.#written - start
    this.#written = start
  }

  #failed(error: unknown): void {
    if (this.#failing) return
    this.#failing = true
    const again = this.#closed === undefined ? '; it is tried again' : ''
    this.#logger.error(`access log: cannot write to ${this.#sink.name}: ${(error as Error).message}${again}`)
  }

  #succeeded(): void {
    if (this.#failing) {
      this.#failing = false
      this.#logger.info(`access log: ${this.#sink.name} is written again`)
    }
    if (this.#dropped === 0 || this.#waiting > this.#limit / 2) return
    const lines = `${this.#dropped} ${this.#dropped === 1 ? 'line' : 'lines'}`
    this.#logger.warn(`access log: ${lines} dropped, ${this.#why()}`)
    this.#dropped = 0
    this.#droppedByFailure = false
  }

  #why(): string {
    const failed = this.#failing || this.#droppedByFailure
    return failed ? `${this.#sink.name} could not be written` : this.#sink.brake
  }
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

function lineCount(bytes: Buffer): number {
  let count = 0
  for (let at = bytes.indexOf('\n'); at >= 0; at = bytes.indexOf('\n', at + 1)) count++
  return count
}
