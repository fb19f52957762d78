/**
 * Node's streams, with what costs time or loses something left out:
 *
 * - The listeners are functions without a state, and find the carriage by a property of the stream.
 * - The body is taken at `push`, by which Node hands over what a frame brought, rather than behind the stream's buffer. A
 *   server may close the connection once it has sent everything; Node then throws away what waits in that buffer.
 * - `push(null)` before the stream is closed is an end that the server has sent. Otherwise Node tells a stream that was
 *   given up without an error code, as its own servers do that break an answer off, like one that is complete.
 */

import type { ClientHttp2Stream, IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http2'
import { Duplex } from 'node:stream'
import type { RawHeaders } from '../transport.js'
import { joined } from './request-head.js'
import type { Session } from './session.js'

/** Flag of a frame (RFC 9113 §6.2). */
const endOfStream = 1

/** What is told of a stream. `raw` begins with the pseudo-fields. */
export interface Carried {
  informational(status: number, raw: RawHeaders): void
  /** `complete`: the stream ended with the head. */
  answered(status: number, raw: RawHeaders, complete: boolean): void
  /** A part of the body, which may come before the head is told. False: the window of the stream stays closed. */
  arrived(chunk: Buffer): boolean
  trailers(raw: RawHeaders): void
  /** The server has ended its side; head and trailers that came with the end are told before {@link told}. */
  ended(): void
  /** All that came has been told. */
  told(): void
  /** More of the request's body may be written. */
  drained(): void
  /** The request's body is written, and {@link StreamUse.mayHaveTrailers}. */
  sendTrailers(stream: ClientHttp2Stream): void
  /** Always the last. */
  closed(stream: ClientHttp2Stream): void
}

export type CarriedStream = ClientHttp2Stream & { carriage: Carried }

/** What a stream is opened for. */
export interface StreamUse {
  /** A body will be written. */
  readonly writes: boolean
  /** It stays open for another protocol. */
  readonly stays: boolean
  /** Trailers may follow the body, for which Node needs a frame more. */
  readonly mayHaveTrailers: boolean
}

/** Opens a stream; throws what Node throws for a head that cannot be sent. */
export function openStream(
  session: Session,
  carriage: Carried,
  head: OutgoingHttpHeaders,
  use: StreamUse,
): CarriedStream {
  const stream = request(session, head, !use.writes && !use.stays, use.mayHaveTrailers)
  stream.carriage = carriage
  stream.push = onPush
  stream.on('response', onResponse)
  stream.on('headers', onInformational)
  stream.on('error', ignore)
  stream.on('close', onClose)
  if (use.writes) {
    stream.on('drain', onDrain)
    stream.on('wantTrailers', onWantTrailers)
  }
  return stream
}

/** The trailers of the answer are wanted. */
export function noteTrailers(stream: CarriedStream): void {
  stream.on('trailers', onTrailers)
}

/** Makes it a stream as others are. Only its close is told yet. */
export function handOver(stream: CarriedStream): void {
  Reflect.deleteProperty(stream, 'push')
  stream.off('response', onResponse)
  stream.off('headers', onInformational)
}

function request(session: Session, head: OutgoingHttpHeaders, endStream: boolean, trailers: boolean): CarriedStream {
  try {
    return session.open(head, endStream, trailers) as CarriedStream
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_HTTP2_HEADER_SINGLE_VALUE') throw error
    return session.open(joined(head), endStream, trailers) as CarriedStream
  }
}

// What a stream says.

function onResponse(this: CarriedStream, headers: IncomingHttpHeaders, flags: number, ...more: unknown[]): void {
  this.carriage.answered(Number(headers[':status']), more[0] as string[], (flags & endOfStream) !== 0)
}

function onInformational(this: CarriedStream, headers: IncomingHttpHeaders, _flags: number, ...more: unknown[]): void {
  this.carriage.informational(Number(headers[':status']), more[0] as string[])
}

function onTrailers(this: CarriedStream, _headers: IncomingHttpHeaders, _flags: number, ...more: unknown[]): void {
  this.carriage.trailers(more[0] as string[])
}

function onPush(this: CarriedStream, chunk: Buffer | null): boolean {
  if (chunk !== null) return this.carriage.arrived(chunk)
  if (!this.closed) {
    this.carriage.ended()
    process.nextTick(whenTold, this.carriage)
  }
  return Duplex.prototype.push.call(this, chunk)
}

function whenTold(carriage: Carried): void {
  carriage.told()
}

function onClose(this: CarriedStream): void {
  this.carriage.closed(this)
}

function onDrain(this: CarriedStream): void {
  this.carriage.drained()
}

function onWantTrailers(this: CarriedStream): void {
  this.carriage.sendTrailers(this)
}

function ignore(): void {}
