/** What a worker asks for when it dials in, and why it may not get it. */

import { createHash, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { isWorkerName, type JoinedWorker, workerFields, workerProtocol } from './wire.js'

/** Answered in place of 101. */
export interface Refusal {
  readonly status: number
  readonly text: string
  readonly fields?: readonly string[]
}

export interface WorkerRequest {
  readonly worker: JoinedWorker
  /** Processes that it is connected to. */
  readonly holds: readonly string[]
}

/** It asks for the roles to turn. Other requests, and other upgrades, are not for the gate. */
export function asksToJoin({ headers }: IncomingMessage): boolean {
  return (headers.upgrade ?? '')
    .toLowerCase()
    .split(',')
    .some((protocol) => protocol.trim() === workerProtocol)
}

/** Why a request without the token is refused; undefined where it has it, or there is none. */
export function tokenRefusal({ headers }: IncomingMessage, token: string | undefined): Refusal | undefined {
  if (token === undefined) return undefined
  const [, given] = /^bearer +(\S+) *$/i.exec(headers.authorization ?? '') ?? []
  if (given === undefined) {
    return unauthorized('a token is needed: Authorization: Bearer TOKEN, with the Token of [WORKERS]', '')
  }
  // Hashes are of one length, which timingSafeEqual needs, and the length of the token stays hidden.
  if (timingSafeEqual(hash(given), hash(token))) return undefined
  return unauthorized('the token is not the one of [WORKERS]', ', error="invalid_token"')
}

/** Reads what the worker says of itself. */
export function readWorker(req: IncomingMessage): WorkerRequest | Refusal {
  if (req.method !== 'GET') return { status: 400, text: 'a worker joins with GET' }
  const service = fieldOf(req, workerFields.service) ?? 'default'
  const instance = fieldOf(req, workerFields.instance)
  if (!isWorkerName(service)) return badName(workerFields.service)
  if (instance === undefined || !isWorkerName(instance)) return badName(workerFields.instance)
  const given = fieldOf(req, workerFields.weight) ?? '1'
  const weight = /^\d{1,4}$/.test(given) ? Number(given) : 0
  if (weight < 1 || weight > 1000) {
    return { status: 400, text: `${workerFields.weight} is a whole number from 1 to 1000` }
  }
  const holds = (fieldOf(req, workerFields.holds) ?? '')
    .split(',')
    .map((process) => process.trim())
    .filter((process) => process !== '')
  return { worker: { service, instance, weight }, holds }
}

export function isRefusal(read: WorkerRequest | Refusal): read is Refusal {
  return 'status' in read
}

/** No entry has a use for a worker of this service. */
export function unlisted(service: string, services: readonly string[]): Refusal {
  const known = services.map((name) => `worker:${name}`).join(', ')
  return { status: 404, text: `no entry lists worker:${service}; known: ${known === '' ? 'none' : known}` }
}

function badName(field: string): Refusal {
  return { status: 400, text: `${field} consists of letters, digits, ".", "_" and "-", at most 64 of them` }
}

function unauthorized(text: string, parameters: string): Refusal {
  return { status: 401, text, fields: ['WWW-Authenticate', `Bearer realm="${workerProtocol}"${parameters}`] }
}

function hash(token: string): Buffer {
  return createHash('sha256').update(token).digest()
}

function fieldOf({ headers }: IncomingMessage, name: string): string | undefined {
  const value = headers[name.toLowerCase()]
  return typeof value === 'string' ? value : undefined
}
