/** The names on the wire between a worker and the proxies that it dials: docs/workers.md describes it in full. */

import { hostname } from 'node:os'
import type { Random } from '../random.js'

/** What a worker asks to change the protocol to. */
export const workerProtocol = 'pointsman-worker'

/** Header fields, of the request (service to holds) and of the answer. */
export const workerFields = {
  service: 'Pointsman-Service',
  instance: 'Pointsman-Instance',
  weight: 'Pointsman-Weight',
  /** The processes of this proxy that the worker is connected to already. */
  holds: 'Pointsman-Holds',
  /** The process that answers. */
  process: 'Pointsman-Process',
  /** How many processes there are. */
  processes: 'Pointsman-Processes',
} as const

/** The service of a worker that names none. */
export const defaultService = 'default'

/** A worker that is connected to a process. */
export interface JoinedWorker {
  readonly service: string
  /** Tells the workers of a service apart. */
  readonly instance: string
  /** A whole number from 1 to 1000. */
  readonly weight: number
}

/** Names of services, instances and processes: letters, digits, `.`, `_` and `-`, at most 64. */
export function isWorkerName(name: string): boolean {
  return /^[\w.-]{1,64}$/.test(name)
}

/** A name that no other worker has: host, process, chance. */
export function instanceName(random: Random): string {
  const host = hostname().replace(/[^\w.-]/g, '-')
  return `${host.slice(0, 40)}-${process.pid}-${random.bytes(4).toString('hex')}`
}

/** Bytes of a head that a side of the handshake may send. */
export const handshakeLimit: number = 16 * 1024

/** Milliseconds for the whole of a handshake. */
export const handshakeTime = 10_000
