/**
 * Answers to pipelined requests wait for those before them, and have no socket as long as they do: Node tells only the
 * answer that is being sent that its connection has closed. The others learn it here.
 */

import type { Socket } from 'node:net'

/** One listener a connection, however many answers wait on it. */
const waiting = new WeakMap<Socket, Set<() => void>>()

/** Calls `closed` when the connection closes. Returns how to stop that. */
export function whenClosed(socket: Socket, closed: () => void): () => void {
  let answers = waiting.get(socket)
  if (answers === undefined) {
    const all = new Set<() => void>()
    socket.once('close', () => {
      for (const each of [...all]) each()
    })
    waiting.set(socket, all)
    answers = all
  }
  const mine = answers
  mine.add(closed)
  return () => mine.delete(closed)
}
