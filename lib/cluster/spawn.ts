/** Serving processes over node:cluster. */

import cluster, { type Worker } from 'node:cluster'
import { messageOf } from '../config/section.js'
import type { Port } from './channel.js'
import { giveBackConnections } from './handover.js'
import type { Message } from './messages.js'
import type { Child, Spawn } from './serving-process.js'

/**
 * Starts processes that run the module at `exec` (a path), with the standard streams of this one. Throws in a process
 * that was itself started by node:cluster: it has nothing to hand on.
 */
export function clusterSpawn(exec: string): Spawn {
  if (!cluster.isPrimary) throw new Error('a process of node:cluster cannot have processes of its own')
  cluster.setupPrimary({ exec, args: [] })
  const listening = new Set<Worker>()
  return () => {
    let worker: Worker
    try {
      worker = cluster.fork()
    } catch (error) {
      return failedChild(error)
    }
    worker.on('listening', () => listening.add(worker))
    for (const end of ['disconnect', 'exit']) worker.on(end, () => listening.delete(worker))
    giveBackConnections(worker.process, () => listening.size > 0)
    return childOf(worker)
  }
}

/** The manager, as a serving process sees it. */
export function portToManager(): Port {
  const { worker } = cluster
  if (worker === undefined) throw new Error('this process was not started by a manager')
  // Otherwise Node ends the process in the moment in which the manager is gone, and its requests with it.
  worker.exitedAfterDisconnect = true
  // What node:cluster itself still has to say to a manager that is gone. Its end is told by the channel.
  worker.on('error', () => {})
  return {
    send: (message) => sendTo(worker, message),
    onMessage: (listener) => void worker.on('message', listener),
    onClose: (listener) => void worker.on('disconnect', listener),
  }
}

function childOf(worker: Worker): Child {
  const { process: child } = worker
  return {
    pid: child.pid ?? 0,
    send: (message) => sendTo(worker, message),
    onMessage: (listener) => void worker.on('message', listener),
    onClose(listener) {
      worker.on('disconnect', listener)
      worker.on('exit', listener)
    },
    kill: () => void child.kill('SIGKILL'),
    onExit(listener) {
      worker.on('exit', (code: number | null, signal: string | null) => {
        listener(signal === null ? `ended with exit code ${code}` : `was ended by ${signal}`)
      })
      worker.on('error', (error: Error) => {
        // What fails on a channel to a process that is ending is told by its end.
        if (child.pid === undefined) listener(`could not be started: ${error.message}`)
      })
    },
  }
}

function failedChild(error: unknown): Child {
  return {
    pid: 0,
    send: () => {},
    onMessage: () => {},
    onClose: () => {},
    kill: () => {},
    onExit: (listener) => void setImmediate(() => listener(`could not be started: ${messageOf(error)}`)),
  }
}

function sendTo(worker: Worker, message: Message): void {
  if (worker.isConnected()) worker.send(message, () => {})
}
