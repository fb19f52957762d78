/** What a route may decide about a connection. */

import { messageOf, show } from '../config/section.js'
import { unknown } from '../config/suggest.js'
import type { TcpConnection } from './client.js'
import { type Destination, SingleDestination } from './destination.js'
import { TcpPool } from './pool.js'
import { parseRemote } from './remote.js'

/** Bytes, or text that goes out in UTF-8. */
export type Bytes = string | Uint8Array

/** The connection goes to a server. */
export interface ForwardDecision {
  /** `host:port`, `[::1]:port`, `unix:/path`, or a pool of {@link createTcpPool}. */
  readonly remote: string | TcpPool
  /** For the server, in place of the bytes that the route was called with. */
  readonly data?: Bytes | undefined
  /** For the client, before anything that the server sends; it goes out once there is a connection to the server. */
  readonly reply?: Bytes | undefined
  /** For the client, in place of `reply`, when there is no connection to the server in the end. */
  readonly refusal?: Bytes | undefined
  /** In which version of the PROXY protocol this server is told of the client, in place of the router's option. */
  readonly sendProxyProtocol?: false | 1 | 2 | undefined
  readonly noop?: false | undefined
  readonly close?: false | undefined
}

/** There is not enough yet: the route is called again when more has come. */
export interface WaitDecision {
  readonly noop: true
  readonly remote?: undefined
  readonly close?: false | undefined
}

/** The connection is closed, after these bytes if there are any. */
export interface CloseDecision {
  readonly close: true | Bytes
  readonly remote?: undefined
  readonly noop?: false | undefined
}

/** What a route returns, or promises. */
export type Decision = ForwardDecision | WaitDecision | CloseDecision

/**
 * Decides where a connection goes. It is called with all bytes of the client so far, each time when more have come, until
 * it decides. A throw, a rejection, or anything that is no decision closes the connection, with an `error` event.
 */
export type Route = (data: Buffer, connection: TcpConnection) => Decision | PromiseLike<Decision>

/** A decision that was looked at. */
export type Checked =
  | { readonly kind: 'wait' }
  | { readonly kind: 'close'; readonly bytes: Bytes | undefined }
  | ({ readonly kind: 'forward'; readonly destination: Destination } & Pick<
      ForwardDecision,
      'data' | 'reply' | 'refusal' | 'sendProxyProtocol'
    >)

const wait: Checked = { kind: 'wait' }
const names = ['remote', 'data', 'reply', 'refusal', 'sendProxyProtocol', 'noop', 'close']

/** @throws {TypeError} telling why it is no decision */
export function checkDecision(value: unknown, connection: TcpConnection): Checked {
  if (typeof value !== 'object' || value === null) throw new TypeError(`the route returned ${show(value)}`)
  for (const name of Object.keys(value)) {
    if (!names.includes(name)) throw new TypeError(`the route returned ${unknown('key', name, names)}`)
  }
  const {
    remote,
    data,
    reply,
    refusal,
    sendProxyProtocol,
    noop = false,
    close = false,
  } = value as Record<string, unknown>
  if ([remote !== undefined, noop !== false, close !== false].filter(Boolean).length !== 1) {
    throw new TypeError('the route returned an object without one of remote, noop and close, or with several of them')
  }
  if (noop !== false) {
    if (noop === true) return wait
    throw new TypeError(`the route returned ${show(noop)} as noop; it is true or false`)
  }
  if (close !== false) {
    if (close === true) return { kind: 'close', bytes: undefined }
    return { kind: 'close', bytes: bytesOf('close', close) }
  }
  if (![undefined, false, 1, 2].includes(sendProxyProtocol as undefined)) {
    throw new TypeError(`the route returned ${show(sendProxyProtocol)} as sendProxyProtocol; it is false, 1 or 2`)
  }
  return {
    kind: 'forward',
    destination: destinationOf(remote, connection),
    data: bytesOf('data', data),
    reply: bytesOf('reply', reply),
    refusal: bytesOf('refusal', refusal),
    sendProxyProtocol: sendProxyProtocol as false | 1 | 2 | undefined,
  }
}

function destinationOf(remote: unknown, connection: TcpConnection): Destination {
  if (remote instanceof TcpPool) return remote.destination(connection)
  if (typeof remote !== 'string') {
    throw new TypeError(`the route returned ${show(remote)} as remote; it is host:port, unix:/path, or a pool`)
  }
  try {
    return new SingleDestination(parseRemote(remote))
  } catch (error) {
    throw new TypeError(`the route returned a bad remote: ${messageOf(error)}`, { cause: error })
  }
}

function bytesOf(name: string, value: unknown): Bytes | undefined {
  if (value === undefined || typeof value === 'string' || value instanceof Uint8Array) return value
  throw new TypeError(`the route returned ${show(value)} as ${name}; it is a string or a Uint8Array`)
}
