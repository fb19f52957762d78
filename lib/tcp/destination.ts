/** Where one connection goes: to a server, or to one of a pool's. */

import type { CheckedOptions } from './options.js'
import type { Remote } from './remote.js'

/** Whoever wants a server. */
export interface ServerWaiter {
  take(remote: Remote): void
  /** There is none (any more) in this round. `final`: another round is not to be begun. */
  none(error: Error, final?: boolean): void
}

/** The servers that may be tried for one connection, one after the other, each once in a round. */
export interface Destination {
  /** The server tried last; before the first, what was named. */
  readonly name: string
  /** Asks for the next server of this round. The waiter is called at once, or later where servers are at their limits. */
  next(waiter: ServerWaiter): void
  /** The server given last could not be reached, or did not do what servers do. */
  failed(error: Error): void
  /** It did. */
  succeeded(): void
  /** All may be tried again. */
  newRound(): void
  /** What the connection has of the servers is given back. Harmless when it has nothing. */
  release(): void
  /** The server given last has failed before, and whoever connects to it is to tell soon how it does. */
  readonly doubtful: boolean
  /** How connections to it are carried, in place of what the router says. */
  readonly carriage: CheckedOptions | undefined
}

/** A single server. Nothing is remembered about it. */
export class SingleDestination implements Destination {
  readonly doubtful = false
  readonly carriage: undefined
  readonly #remote: Remote
  #error: Error | undefined

  constructor(remote: Remote) {
    this.#remote = remote
  }

  get name(): string {
    return this.#remote.name
  }

  next(waiter: ServerWaiter): void {
    if (this.#error === undefined) waiter.take(this.#remote)
    else waiter.none(this.#error)
  }

  failed(error: Error): void {
    this.#error = error
  }

  newRound(): void {
    this.#error = undefined
  }

  succeeded(): void {}
  release(): void {}
}
