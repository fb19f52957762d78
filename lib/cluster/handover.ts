/**
 * What node:cluster forgets when a process dies.
 *
 * The primary accepts connections, and hands each to a process that is free, which says that it has taken it. Between
 * the two the connection belongs to nobody: when the process dies there, Node waits for the word of a dead process, and
 * the client waits with it, for ever (https://github.com/nodejs/node/issues/21746). Such a connection is given
 * back here, as if the process had said that it does not want it, and another one gets it. Nothing of it is lost: no
 * byte has been read.
 *
 * Node has no public way to learn of this. It is read from the messages that the primary and a process exchange, which
 * are the same in Node 20 to 26; were they to change, nothing would be given back, and no harm done.
 */

import type { ChildProcess } from 'node:child_process'

interface InternalMessage {
  readonly cmd?: unknown
  readonly act?: unknown
  readonly seq?: unknown
  readonly ack?: unknown
}

type Send = (message: InternalMessage, handle?: unknown, ...rest: unknown[]) => boolean

/**
 * Follows the connections that are handed to a process, and gives those back that it has not taken when it dies.
 * `isReplaced` tells whether another one is there to take them; without any they are closed.
 */
export function giveBackConnections(child: ChildProcess, isReplaced: () => boolean): void {
  const handed = new Set<number>()
  const send = child.send.bind(child) as Send
  const following: Send = (message, handle, ...rest) => {
    if (handle && message.cmd === 'NODE_CLUSTER' && message.act === 'newconn') handed.add(message.seq as number)
    return send(message, handle, ...rest)
  }
  Object.assign(child, { send: following })
  child.on('internalMessage', ({ cmd, ack }: InternalMessage) => {
    if (cmd === 'NODE_CLUSTER') handed.delete(ack as number)
  })
  let disconnected = false
  child.once('disconnect', () => {
    disconnected = true
    const accepted = !isReplaced()
    for (const ack of handed) child.emit('internalMessage', { cmd: 'NODE_CLUSTER', ack, accepted }, undefined)
    handed.clear()
  })
  // It has exited, and its channel is closed. Where it has died over a connection that was on its way, Node does not
  // tell that the channel is closed, and goes on to count on the process.
  child.once('close', () => {
    setImmediate(() => {
      if (!disconnected) child.emit('disconnect')
    })
  })
}
