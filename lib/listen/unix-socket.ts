/** Unix sockets: the file of a process that has died is in the way of the next one. */

import { lstatSync, unlinkSync } from 'node:fs'
import { connect } from 'node:net'

/**
 * Makes way for a new socket at `path`: removes a socket that nobody listens at any more.
 *
 * @throws Error when somebody listens there, or when what is there is no socket.
 */
export async function clearStaleSocket(path: string): Promise<void> {
  const stat = lstatSync(path, { throwIfNoEntry: false })
  if (stat === undefined) return
  if (!stat.isSocket()) throw new Error('there is a file of that name, and it is no socket')
  if (await isAlive(path)) throw Object.assign(new Error('in use'), { code: 'EADDRINUSE' })
  unlinkSync(path)
}

function isAlive(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path)
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    // Only a refusal proves that nobody listens; a full backlog (EAGAIN) or a missing permission does not.
    socket.once('error', ({ code }: NodeJS.ErrnoException) => resolve(code !== 'ECONNREFUSED' && code !== 'ENOENT'))
  })
}
