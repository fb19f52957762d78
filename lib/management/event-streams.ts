/**
 * Server-sent events to everyone who listens. All share one timer, one watch and one snapshot at a time; without a
 * listener there is none of these. Snapshots are taken one after the other, so that no older one overtakes a newer.
 */

import type { ServerResponse } from 'node:http'
import type { Clock, Timer } from '../clock.js'
import type { Control, Snapshot, StateChange } from '../forward/control.js'
import type { Logger } from '../forward/events.js'
import { type Look, statsLine } from './rates.js'
import { iso, serverList, serversOf } from './views.js'

/** Milliseconds from one stats line to the next. */
const interval = 1_000
/** Milliseconds of silence after which a comment keeps the connection from being taken for dead. */
const longestSilence = 15_000
/** Bytes that may wait for a client to read them; one that is further behind is cut. */
const longestBacklog = 1024 * 1024

interface Listener {
  readonly response: ServerResponse
  /** When something was last sent. */
  lastSent: number
  /** It still has to be told how things stand. */
  isNew: boolean
}

export class EventStreams {
  readonly #control: Control
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #listeners = new Set<Listener>()
  #timer: Timer | undefined
  #unwatch: (() => void) | undefined
  /** The look at which the running interval began. */
  #before: Look | undefined
  /** The servers as they were last sent, as far as a change of them is sent at once. */
  #sentServers = ''
  /** A second is over, and its line is not sent yet. */
  #lineIsDue = false
  #isLooking = false
  #lookAgain = false
  #hasFailed = false
  #closed = false

  constructor(control: Control, clock: Clock, logger: Logger) {
    this.#control = control
    this.#clock = clock
    this.#logger = logger
  }

  /** Turns an answer into a stream that goes on until the client or {@link close} ends it. */
  add(response: ServerResponse): void {
    response.writeHead(200, {
      'Content-Type': 'text/event-stream',
      'Cache-Control': 'no-store',
      // nginx and others would otherwise gather events until a buffer is full.
      'X-Accel-Buffering': 'no',
      Connection: 'close',
    })
    if (this.#closed) return void response.end()
    const listener: Listener = { response, lastSent: this.#clock.now(), isNew: true }
    response.on('close', () => this.#remove(listener))
    this.#listeners.add(listener)
    this.#send(listener, 'retry: 2000\n\n')
    this.#start()
    this.#look()
  }

  /** Ends all streams. */
  close(): void {
    this.#closed = true
    for (const { response } of this.#listeners) response.end()
    this.#stop()
  }

  #start(): void {
    if (this.#timer !== undefined) return
    this.#timer = this.#clock.setTimeout(() => this.#tick(), interval)
    this.#unwatch = this.#control.watch((change) => this.#stateChanged(change))
  }

  #stop(): void {
    this.#timer?.cancel()
    this.#unwatch?.()
    this.#timer = undefined
    this.#unwatch = undefined
    this.#before = undefined
    this.#lineIsDue = false
  }

  #remove(listener: Listener): void {
    this.#listeners.delete(listener)
    if (this.#listeners.size === 0) this.#stop()
  }

  #tick(): void {
    this.#timer?.refresh()
    this.#lineIsDue = true
    this.#look()
    const now = this.#clock.now()
    for (const listener of this.#listeners) {
      if (now - listener.lastSent >= longestSilence) this.#send(listener, ': keep-alive\n\n')
    }
  }

  #stateChanged({ pool, server, from, to, reason }: StateChange): void {
    this.#sendTo(this.#listeners, 'state', { pool, server, from, to, reason, at: iso(this.#clock.wallTime()) })
    this.#look()
  }

  /** Takes a snapshot and sends what follows from it; one that is asked for meanwhile comes after it. */
  #look(): void {
    this.#lookAgain = true
    if (!this.#isLooking) void this.#lookOnAndOn()
  }

  async #lookOnAndOn(): Promise<void> {
    this.#isLooking = true
    while (this.#lookAgain && this.#listeners.size > 0) {
      this.#lookAgain = false
      try {
        this.#tell(await this.#control.snapshot())
        this.#hasFailed = false
      } catch (error) {
        // The next second tries again; one line in the log is enough for all of them.
        if (!this.#hasFailed) this.#logger.warn(`management: no snapshot for the event streams: ${error}`)
        this.#hasFailed = true
      }
    }
    this.#isLooking = false
  }

  #tell(snapshot: Snapshot): void {
    if (this.#timer === undefined) return
    const now: Look = { snapshot, at: this.#clock.now() }
    const told = [...this.#listeners].filter(({ isNew }) => !isNew)
    const untold = [...this.#listeners].filter(({ isNew }) => isNew)
    this.#tellServers(snapshot, told, untold)
    if (untold.length > 0) this.#sendTo(untold, 'stats', this.#statsLine(now, undefined))
    for (const listener of untold) listener.isNew = false
    if (this.#lineIsDue && told.length > 0) this.#sendTo(told, 'stats', this.#statsLine(now, this.#before))
    if (this.#lineIsDue || this.#before === undefined) this.#before = now
    this.#lineIsDue = false
  }

  #statsLine(now: Look, before: Look | undefined): object {
    return statsLine(now, before, this.#clock.wallTime())
  }

  /** Those who know them are told only of what is new: their state, weight or place, or that they came or went. */
  #tellServers(snapshot: Snapshot, told: readonly Listener[], untold: readonly Listener[]): void {
    const servers = JSON.stringify(
      serversOf(snapshot).map(({ pool, id, state, weight, backup }) => [pool, id, state, weight, backup]),
    )
    const wanted = servers === this.#sentServers ? untold : [...told, ...untold]
    this.#sentServers = servers
    if (wanted.length > 0) this.#sendTo(wanted, 'servers', serverList(snapshot))
  }

  #sendTo(listeners: Iterable<Listener>, name: string, data: object): void {
    const event = `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`
    for (const listener of listeners) this.#send(listener, event)
  }

  /** What waited before this event counts, and not the event itself, which may be long where there are many servers. */
  #send(listener: Listener, text: string): void {
    const { response } = listener
    if (response.destroyed || response.writableEnded) return
    if (response.writableLength > longestBacklog) {
      this.#logger.warn('management: an event stream is cut, since its client does not read')
      response.destroy()
      return
    }
    listener.lastSent = this.#clock.now()
    response.write(text)
  }
}
