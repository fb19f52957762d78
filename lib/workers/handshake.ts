/** A worker dials a proxy, and asks it to turn the roles. */

import { type ClientRequest, type IncomingMessage, request as requestHttp } from 'node:http'
import { type RequestOptions, request as requestHttps } from 'node:https'
import { isIP, type Socket } from 'node:net'
import type { SecureContextOptions, ConnectionOptions as TlsOptions } from 'node:tls'
import type { Clock } from '../clock.js'
import type { ProxyAddress } from './proxy-address.js'
import { handshakeLimit, handshakeTime, workerFields, workerProtocol } from './wire.js'

/** TLS to a proxy, as `tls.connect` takes it. */
export interface WorkerTlsOptions extends Pick<SecureContextOptions, 'ca' | 'cert' | 'key' | 'passphrase'> {
  /** Name for SNI and for the certificate's check, in place of the proxy's host. */
  readonly servername?: string
  /** False: the proxy's certificate is not checked. Default: true. */
  readonly rejectUnauthorized?: boolean
}

/** What a worker says of itself. */
export interface JoinRequest {
  readonly service: string
  readonly instance: string
  readonly weight: number
  readonly token: string | undefined
  readonly tls: WorkerTlsOptions
}

/** How a try to join ended. */
export type Outcome =
  /** The roles have turned. `head` was read beyond the answer. The socket has a listener for errors. */
  | {
      readonly kind: 'joined'
      readonly socket: Socket
      readonly head: Buffer
      readonly process: string
      readonly processes: number
    }
  /** This process has a connection to the worker already. */
  | { readonly kind: 'held'; readonly process: string; readonly processes: number }
  /** The proxy has no use for the worker now; it may have later. */
  | { readonly kind: 'unwanted'; readonly status: number; readonly text: string }
  /** The same request will be refused again. */
  | { readonly kind: 'refused'; readonly status: number; readonly text: string }
  /** There is no proxy, or none that answers in time. */
  | { readonly kind: 'unreachable'; readonly error: Error }

/** Bytes of a refusal that are read. */
const textLimit = 1_024

/**
 * Dials once. `holds`: the processes that the worker is connected to. `done` is called exactly once, and never during
 * the call, unless the returned function ends the try before.
 */
export function shakeHands(
  address: ProxyAddress,
  join: JoinRequest,
  holds: readonly string[],
  clock: Clock,
  done: (outcome: Outcome) => void,
): () => void {
  let over = false
  let answered = false
  const request = send(address, join, holds)
  const timer = clock.setTimeout(() => {
    finish({ kind: 'unreachable', error: new Error(`no answer within ${handshakeTime / 1000} s`) })
  }, handshakeTime)
  const end = (): boolean => {
    if (over) return false
    over = true
    timer.cancel()
    return true
  }
  const finish = (outcome: Outcome): void => {
    if (!end()) return
    if (outcome.kind !== 'joined') request.destroy()
    done(outcome)
  }
  request.on('error', (error) => finish({ kind: 'unreachable', error: plain(error) }))
  request.on('close', () => {
    // After the head of a refusal its text is all that is missing.
    if (!answered) finish({ kind: 'unreachable', error: new Error('the connection closed without an answer') })
  })
  request.on('upgrade', (response, socket, head) => {
    answered = true
    socket.on('error', ignore)
    whenWritten(socket, () => {
      const outcome = accepted(response, socket, head)
      if (over || outcome.kind !== 'joined') socket.destroy()
      finish(outcome)
    })
  })
  request.on('response', (response) => {
    answered = true
    void refusal(response).then(finish)
  })
  request.end()
  return () => {
    if (end()) request.destroy()
  }
}

function send(address: ProxyAddress, join: JoinRequest, holds: readonly string[]): ClientRequest {
  const { secure, host, port, socketPath, path } = address
  const options: RequestOptions = {
    ...(socketPath === undefined ? { host, port } : { socketPath }),
    path,
    agent: false,
    maxHeaderSize: handshakeLimit,
    headers: {
      ...(socketPath === undefined ? {} : { Host: 'localhost' }),
      Connection: 'Upgrade',
      Upgrade: workerProtocol,
      [workerFields.service]: join.service,
      [workerFields.instance]: join.instance,
      ...(join.weight === 1 ? {} : { [workerFields.weight]: join.weight }),
      ...(join.token === undefined ? {} : { Authorization: `Bearer ${join.token}` }),
      ...(holds.length === 0 ? {} : { [workerFields.holds]: holds.join(',') }),
    },
  }
  if (!secure) return requestHttp(options)
  // An address is no name (RFC 6066 §3), and Node wants none to be sent.
  const servername = isIP(host) === 0 ? { servername: host } : {}
  const tls: TlsOptions = { ALPNProtocols: ['http/1.1'], ...servername, ...join.tls }
  return requestHttps({ ...options, ...tls })
}

/**
 * A session takes the connection from under its stream, and Node ends the process when a write of the stream is still
 * under way then.
 */
function whenWritten(socket: Socket, then: () => void): void {
  if (socket.writableLength === 0 || socket.destroyed) then()
  else setImmediate(whenWritten, socket, then)
}

function accepted(response: IncomingMessage, socket: Socket, head: Buffer): Outcome {
  const process = fieldOf(response, workerFields.process)
  if (response.headers.upgrade?.toLowerCase() !== workerProtocol || process === undefined) {
    return { kind: 'unwanted', status: 101, text: 'what answers there is no proxy for workers' }
  }
  return { kind: 'joined', socket, head, process, processes: processesOf(response) }
}

async function refusal(response: IncomingMessage): Promise<Outcome> {
  const { statusCode: status = 0 } = response
  const process = fieldOf(response, workerFields.process)
  if (status === 409 && process !== undefined) {
    response.resume()
    return { kind: 'held', process, processes: processesOf(response) }
  }
  const text = await shortText(response)
  // 400, 401, 403: what this worker says of itself is wrong.
  const kind = status === 400 || status === 401 || status === 403 ? 'refused' : 'unwanted'
  return { kind, status, text: text === '' ? `${response.statusMessage}` : text }
}

function processesOf(response: IncomingMessage): number {
  const count = Number(fieldOf(response, workerFields.processes) ?? 1)
  return Number.isInteger(count) && count >= 1 && count <= 1024 ? count : 1
}

function fieldOf({ headers }: IncomingMessage, name: string): string | undefined {
  const value = headers[name.toLowerCase()]
  return typeof value === 'string' ? value : undefined
}

/** The first line of a body, for messages: printable, and not long. */
async function shortText(response: IncomingMessage): Promise<string> {
  let text = ''
  try {
    for await (const chunk of response) {
      text += (chunk as Buffer).toString('latin1')
      if (text.length > textLimit) break
    }
  } catch {
    // What has come will do.
  }
  const [line = ''] = text.trim().split('\n')
  return line.replace(/[^\x20-\x7e]/g, '').slice(0, 200)
}

/** Node gathers the failures of all addresses of a name into an error whose own message is empty. */
function plain(error: Error): Error {
  const { errors } = error as { errors?: readonly Error[] }
  const [first] = errors ?? []
  return error.message === '' && first !== undefined ? first : error
}

function ignore(): void {}
