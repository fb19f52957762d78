import type { IncomingMessage } from 'node:http'

/** Gives every client connection the lowest number that is free, for as long as it is open. */
export class ConnectionNumbers {
  readonly #byConnection = new WeakMap<NodeJS.EventEmitter, number>()
  readonly #taken: boolean[] = []

  of(req: IncomingMessage): number {
    // The streams of an HTTP/2 connection share its session.
    const { stream } = req as { stream?: { session?: NodeJS.EventEmitter } }
    return this.ofConnection(stream?.session ?? req.socket)
  }

  /** The number of what tells its end by `close`. */
  ofConnection(connection: NodeJS.EventEmitter): number {
    let number = this.#byConnection.get(connection)
    if (number === undefined) {
      number = this.#lowestFree()
      this.#byConnection.set(connection, number)
      // It is closed, and will not say so again.
      if (isClosed(connection)) return number
      this.#taken[number] = true
      const mine = number
      connection.once('close', () => {
        this.#taken[mine] = false
      })
    }
    return number
  }

  #lowestFree(): number {
    const free = this.#taken.indexOf(false)
    return free < 0 ? this.#taken.length : free
  }
}

/** Of a session that has been closed, but not yet destroyed, the streams go on. */
function isClosed(connection: NodeJS.EventEmitter): boolean {
  const { closed, destroyed } = connection as { closed?: boolean; destroyed?: boolean }
  return closed === true && destroyed === true
}
