/**
 * A connection within the process: what is written at one end is read at the other. Its ends can do what Node's HTTP
 * server, Express and the like ask of a socket, so that an application serves a request that came through a tunnel as
 * one that came over TCP.
 */

import { Duplex } from 'node:stream'
import type { Clock, Timer } from '../clock.js'

/** Where the other end seems to be: those of the tunnel. */
export interface PipeAddresses {
  readonly remoteAddress?: string | undefined
  readonly remotePort?: number | undefined
  readonly remoteFamily?: string | undefined
  readonly localAddress?: string | undefined
  readonly localPort?: number | undefined
}

/** Bytes that may wait at an end. */
const highWaterMark = 64 * 1024
/** Pieces that were written together and are no longer than this arrive as one. */
const together = 64 * 1024

type Callback = (error?: Error | null) => void

export class PipeEnd extends Duplex implements PipeAddresses {
  readonly connecting = false
  readonly remoteAddress: string | undefined
  readonly remotePort: number | undefined
  readonly remoteFamily: string | undefined
  readonly localAddress: string | undefined
  readonly localPort: number | undefined
  bytesRead = 0
  bytesWritten = 0
  /** Milliseconds of {@link setTimeout}; 0: none. */
  timeout = 0
  readonly #clock: Clock
  readonly #deferred: boolean
  #other: PipeEnd | undefined
  /** The other end's write, which is done when this end takes more. */
  #held: Callback | undefined
  #timer: Timer | undefined

  /** `deferred`: what is written arrives in a later turn, and not during the call. */
  constructor(addresses: PipeAddresses, deferred: boolean, clock: Clock) {
    super({ highWaterMark, allowHalfOpen: true })
    this.remoteAddress = addresses.remoteAddress
    this.remotePort = addresses.remotePort
    this.remoteFamily = addresses.remoteFamily
    this.localAddress = addresses.localAddress
    this.localPort = addresses.localPort
    this.#deferred = deferred
    this.#clock = clock
  }

  /** Joins two ends. */
  join(other: PipeEnd): void {
    this.#other = other
    other.#other = this
  }

  override _read(): void {
    const held = this.#held
    this.#held = undefined
    held?.()
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: Callback): void {
    this.bytesWritten += chunk.length
    this.#timer?.refresh()
    if (this.#deferred) process.nextTick(deliver, this.#other, chunk, done)
    else deliver(this.#other, chunk, done)
  }

  override _writev(chunks: { chunk: Buffer }[], done: Callback): void {
    const size = chunks.reduce((sum, { chunk }) => sum + chunk.length, 0)
    if (size <= together) {
      this._write(Buffer.concat(chunks.map(({ chunk }) => chunk)), 'latin1', done)
      return
    }
    let index = 0
    const next: Callback = (error) => {
      const piece = chunks[index++]
      if (piece === undefined || error) done(error)
      else this._write(piece.chunk, 'latin1', next)
    }
    next()
  }

  override _final(done: Callback): void {
    const other = this.#other
    process.nextTick(() => {
      if (other !== undefined && !other.destroyed) other.push(null)
      done()
    })
  }

  override _destroy(error: Error | null, done: Callback): void {
    this.#timer?.cancel()
    this.#timer = undefined
    const other = this.#other
    const held = this.#held
    this.#held = undefined
    // Nobody waits any more for what was written to be read.
    held?.()
    if (other !== undefined) process.nextTick(() => other.#gone())
    done(error)
  }

  /** Ends it once everything is written. */
  destroySoon(): void {
    if (this.writable) this.end()
    if (this.writableFinished) this.destroy()
    else this.once('finish', () => this.destroy())
  }

  /** Emits `timeout` after so many milliseconds without a byte in either direction; 0: never. */
  readonly setTimeout = (milliseconds: number, listener?: () => void): this => {
    this.timeout = milliseconds
    this.#timer?.cancel()
    this.#timer = undefined
    if (milliseconds > 0) {
      this.#timer = this.#clock.setTimeout(() => this.emit('timeout'), milliseconds)
      if (listener !== undefined) this.once('timeout', listener)
    } else if (listener !== undefined) {
      this.off('timeout', listener)
    }
    return this
  }

  address(): { address?: string; port?: number; family?: string } {
    const { localAddress: address, localPort: port, remoteFamily: family } = this
    return address === undefined ? {} : { address, port: port ?? 0, family: family ?? 'IPv4' }
  }

  setNoDelay(): this {
    return this
  }

  setKeepAlive(): this {
    return this
  }

  // The tunnel's socket decides whether the process goes on.
  ref(): this {
    return this
  }

  unref(): this {
    return this
  }

  /** What the other end has written. */
  receive(chunk: Buffer, done: Callback): void {
    if (this.destroyed || this.readableEnded) {
      done()
      return
    }
    this.bytesRead += chunk.length
    this.#timer?.refresh()
    if (this.push(chunk)) done()
    else this.#held = done
  }

  /** The other end is closed. Without an end before it, this one breaks off. */
  #gone(): void {
    if (this.destroyed) return
    const { ended } = (this as unknown as { _readableState: { ended: boolean } })._readableState
    if (ended && this.writableEnded) return
    if (!ended) this.push(null)
    // What has arrived can still be read.
    if (this.readableLength > 0) this.once('end', () => this.destroy())
    else this.destroy()
  }
}

function deliver(to: PipeEnd | undefined, chunk: Buffer, done: Callback): void {
  if (to === undefined) done()
  else to.receive(chunk, done)
}
