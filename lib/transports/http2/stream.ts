/**
 * Node's streams, with what costs time or loses something left out. A small request costs about half of its time in
 * Node's own HTTP/2 as it is, so:
 *
 * - What a stream says is taken at `emit`, in place of a listener for each event of each request.
 * - The body is taken at `push`, by which Node hands over what a frame brought, rather than behind the stream's buffer. A
 *   server may close the connection once it has sent everything; Node then throws away what waits in that buffer.
 * - `push(null)` before the stream is closed is an end that the server has sent. Otherwise Node tells a stream that was
 *   given up without an error code, as its own servers do that break an answer off, like one that is complete.
 */

import { EventEmitter } from 'node:events'
import type { ClientHttp2Stream, IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http2'
import type { RawHeaders } from '../transport.js'
import { cancel } from './close-error.js'
import { joined, trailerHead } from './request-head.js'
import type { Session } from './session.js'

/** Flag of a frame (RFC 9113 §6.2). */
const endOfStream = 1
/** Bytes of an upload that may wait before the client is held back. */
const aheadLimit = 128 * 1024

/** What is told of a stream. `raw` begins with the pseudo-fields. */
export interface Carried {
  /** They are read when all of the request's body is written, if {@link StreamUse.mayHaveTrailers}. */
  readonly requestTrailers: RawHeaders
  informational(status: number, raw: RawHeaders): void
  /** `complete`: the stream ended with the head. */
  answered(status: number, raw: RawHeaders, complete: boolean): void
  /** A part of the body, which may come before the head is told. False: the window of the stream is not opened again. */
  arrived(chunk: Buffer): boolean
  trailers(raw: RawHeaders): void
  /** The server has ended its side; head and trailers that came with the end are told before {@link told}. */
  ended(): void
  /** All that came has been told. */
  told(): void
  /** More of the request's body may be written. */
  drained(): void
  /** Always the last. */
  closed(stream: ClientHttp2Stream): void
}

export type CarriedStream = ClientHttp2Stream & {
  /** Not its own any more once it is closed: see {@link letGo}. */
  carriage: Carried
}

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
  stream.emit = onEmit as CarriedStream['emit']
  return stream
}

/** Writes a part of the body, and takes a little more than Node asks for. False: wait until it is drained. */
export function writeAhead(stream: CarriedStream, chunk: Uint8Array): boolean {
  return stream.write(chunk) || stream.writableLength < aheadLimit
}

/**
 * Resets it. It is destroyed when that has gone out, and not before: Node would forget to send it, or even abort the
 * process, where something of the request is still to be written.
 */
export function giveUp(stream: CarriedStream): void {
  if (stream.destroyed) return
  stream.readable = true
  reset(stream, cancel)
}

/**
 * Resets it with an error code. Node would end the request first, and a server that does not compare the body with its
 * length would take what has come of it for all.
 */
export function reset(stream: CarriedStream, code: number): void {
  if (!stream.writableEnded) stream.end = stayOpen as CarriedStream['end']
  stream.close(code)
}

/** Makes it a stream as others are. Only its close is told yet. */
export function handOver(stream: CarriedStream): void {
  Reflect.deleteProperty(stream, 'push')
  Reflect.deleteProperty(stream, 'emit')
  stream.on('error', ignore)
  stream.on('close', onClose)
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

function onPush(this: CarriedStream, chunk: Buffer | null): boolean {
  if (chunk !== null) return this.carriage.arrived(chunk)
  if (this.closed) {
    if (!this.destroyed) process.nextTick(destroy, this)
    return false
  }
  // Node need not wait until somebody has read to the end: it destroys the stream as soon as both sides are closed.
  this.readable = false
  this.carriage.ended()
  process.nextTick(whenTold, this.carriage)
  return false
}

function onEmit(this: CarriedStream, event: string, first: unknown, flags: number, raw: string[]): boolean {
  switch (event) {
    case 'response':
      this.carriage.answered(statusOf(first), raw, (flags & endOfStream) !== 0)
      return true
    case 'headers':
      this.carriage.informational(statusOf(first), raw)
      return true
    case 'trailers':
      this.carriage.trailers(raw)
      return true
    case 'drain':
      this.carriage.drained()
      return true
    case 'wantTrailers':
      sendTrailers(this)
      return true
    case 'close':
      letGo(this).closed(this)
      return true
    case 'error':
      // Told as the close that follows.
      return true
    default:
      // Of the others, Node listens to some of its own; none has more than one argument.
      return EventEmitter.prototype.emit.call(this, event, first)
  }
}

function sendTrailers(stream: CarriedStream): void {
  try {
    stream.sendTrailers(trailerHead(stream.carriage.requestTrailers))
  } catch {
    // Names that HTTP/2 does not have, or a stream that has just been closed.
    if (!stream.destroyed) stream.close(cancel)
  }
}

function destroy(stream: CarriedStream): void {
  stream.destroy()
}

function stayOpen(this: CarriedStream): CarriedStream {
  return this
}

function statusOf(headers: unknown): number {
  return Number((headers as IncomingHttpHeaders)[':status'])
}

function onClose(this: CarriedStream): void {
  letGo(this).closed(this)
}

/**
 * The last thing that is told of a stream. Node's tables of streams make many of those that are over outlive collections
 * of young objects; what they were opened for, which is larger, is not to stay with them.
 */
function letGo(stream: CarriedStream): Carried {
  const { carriage } = stream
  stream.carriage = nobody
  return carriage
}

function whenTold(carriage: Carried): void {
  carriage.told()
}

function ignore(): void {}

/** Whom a closed stream has. */
const nobody: Carried = {
  requestTrailers: [],
  informational: ignore,
  answered: ignore,
  arrived: () => true,
  trailers: ignore,
  ended: ignore,
  told: ignore,
  drained: ignore,
  closed: ignore,
}
