/** The address at which workers dial in, as `[WORKERS]` wants it. */

import { isDeepStrictEqual } from 'node:util'
import type { Clock } from '../clock.js'
import type { Logger } from '../forward/events.js'
import { ListenError } from '../listen/listen-error.js'
import { clearStaleSocket } from '../listen/unix-socket.js'
import { type JoinHandler, WorkerListener } from '../workers/listener.js'
import type { WorkersOptions } from '../workers/options.js'

/** What a reload does to the address. */
export interface WorkersChange {
  /** The old one is let go. */
  commit(): void
  /** The new one is. */
  undo(): Promise<void>
}

const nothing: WorkersChange = { commit: () => {}, undo: async () => {} }

/** Listens where the configuration says, and somewhere else after a reload that says so. Workers that have joined stay. */
export class AcceptingWorkers {
  readonly #gate: JoinHandler
  readonly #shared: boolean
  readonly #logger: Logger
  readonly #clock: Clock
  #options: WorkersOptions | undefined
  #listener: WorkerListener | undefined
  /** As a URL; undefined: nowhere. */
  #url: string | undefined
  #replacing: Promise<void> | undefined

  /** `shared`: other processes listen at the same address, through node:cluster. */
  constructor(gate: JoinHandler, logger: Logger, clock: Clock, shared = false) {
    this.#gate = gate
    this.#shared = shared
    this.#logger = logger
    this.#clock = clock
  }

  get url(): string | undefined {
    return this.#url
  }

  /**
   * Opens the address of `options`, beside the one in force. Rejects with a {@link ListenError} when it cannot be had; then
   * nothing has changed.
   */
  async prepare(options: WorkersOptions): Promise<WorkersChange> {
    // The token is asked of every worker anew.
    if (this.#options !== undefined && isDeepStrictEqual({ ...options, token: this.#options.token }, this.#options)) {
      return nothing
    }
    const before = this.#listener
    const listener = options.listen === undefined ? undefined : this.#listenerOf(options)
    if (before !== undefined && listener !== undefined && isDeepStrictEqual(options.listen, this.#options?.listen)) {
      return { commit: () => void this.#replace(options, before, listener), undo: async () => {} }
    }
    let url: string | undefined
    try {
      url = await listener?.listen()
    } catch (error) {
      throw new ListenError([(error as Error).message])
    }
    return {
      commit: () => {
        this.#options = options
        this.#listener = listener
        this.#url = url
        void before?.close()
      },
      undo: async () => listener?.close(),
    }
  }

  async close(): Promise<void> {
    await this.#replacing
    await this.#listener?.close()
  }

  /** The same address under another certificate: it has to be free first, so it is let go when nothing else can fail. */
  #replace(options: WorkersOptions, before: WorkerListener, listener: WorkerListener): void {
    this.#options = options
    this.#listener = listener
    this.#replacing = before
      .close()
      .then(() => listener.listen())
      .then((url) => {
        this.#url = url
      })
      .catch((error: Error) => this.#logger.error(error.message))
  }

  #listenerOf(options: WorkersOptions): WorkerListener {
    const parts = { gate: this.#gate, options, logger: this.#logger, clock: this.#clock }
    return new WorkerListener(this.#shared ? parts : { ...parts, clearSocket: clearStaleSocket })
  }
}
