/**
 * The connections of a server, by whether a request is under way on them. Node closes unused ones only if they have
 * carried a request before; a browser also opens some to have them ready.
 */

import type { Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

export class Sockets {
  /** With the number of requests under way. */
  readonly #busy = new Map<Socket, number>()
  #closing = false

  constructor(server: Server) {
    server.on('connection', (socket) => {
      this.#busy.set(socket, 0)
      socket.once('close', () => this.#busy.delete(socket))
    })
  }

  /** A request is under way until its answer is over. */
  enter(socket: Socket, response: ServerResponse): void {
    this.#busy.set(socket, (this.#busy.get(socket) ?? 0) + 1)
    response.once('close', () => {
      if (!this.#busy.has(socket)) return
      const left = this.#busy.get(socket)! - 1
      this.#busy.set(socket, left)
      if (left === 0 && this.#closing) socket.destroySoon()
    })
  }

  /** Closes what is unused, now and from now on. */
  close(): void {
    this.#closing = true
    for (const [socket, requests] of this.#busy) if (requests === 0) socket.destroy()
  }

  /** Cuts everything. */
  cut(): void {
    for (const socket of this.#busy.keys()) socket.destroy()
  }
}
