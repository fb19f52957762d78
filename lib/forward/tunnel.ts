import type { Duplex } from 'node:stream'
import { Deadline, type Deadlines } from './deadline.js'
import { closeFrame, FrameFollower } from './websocket-close.js'

/** How long both sides have to end after they were told to, in milliseconds. */
const closeTime = 5_000

/** A connection that has changed its protocol: bytes go both ways until one side ends, and then both do. */
export class Tunnel {
  readonly #client: Duplex
  readonly #server: Duplex
  readonly #toClient: FrameFollower | undefined
  readonly #toServer: FrameFollower | undefined
  #deadline: Deadline | undefined
  #timeout = 0
  #closing = false
  #onEnd: (() => void) | undefined

  /** `webSocket`: its frames are followed, so that it can be closed in the protocol's own way. */
  constructor(client: Duplex, server: Duplex, webSocket: boolean) {
    this.#client = client
    this.#server = server
    this.#toClient = webSocket ? new FrameFollower() : undefined
    this.#toServer = webSocket ? new FrameFollower() : undefined
  }

  /** Joins both sides. `timeout`: milliseconds without a byte after which it is cut, 0 for never. */
  run(deadlines: Deadlines, timeout: number, onEnd: () => void): void {
    this.#deadline = new Deadline(deadlines, () => this.destroy())
    this.#timeout = timeout
    this.#onEnd = onEnd
    this.#join(this.#server, this.#client, this.#toClient)
    this.#join(this.#client, this.#server, this.#toServer)
    this.#moved()
  }

  /** Closes it between two frames with status 1001; a protocol that is not known is ended. */
  closeSoon(): void {
    if (this.#closing) return
    this.#closing = true
    this.#deadline?.set(closeTime)
    this.#closeWhenPossible()
  }

  /** Cuts it. */
  destroy(): void {
    this.#client.destroy()
    this.#server.destroy()
  }

  /** Bytes that were read beyond the heads go out before all others. */
  passOn(fromServer: Uint8Array, fromClient: Uint8Array): void {
    if (fromServer.length > 0) this.#pass(fromServer, this.#client, this.#toClient)
    if (fromClient.length > 0) this.#pass(fromClient, this.#server, this.#toServer)
  }

  #join(from: Duplex, to: Duplex, follower: FrameFollower | undefined): void {
    from.on('data', (chunk: Buffer) => {
      this.#moved()
      if (!this.#pass(chunk, to, follower)) from.pause()
      if (this.#closing) this.#closeWhenPossible()
    })
    to.on('drain', () => from.resume())
    from.on('error', ignore)
    from.on('end', () => to.end())
    from.on('close', () => {
      to.end()
      // Nobody takes what the other side still sends. It is read on for a while: closing a socket with unread bytes
      // resets the connection, and what was sent to it might be lost.
      to.resume()
      this.#closing = true
      this.#deadline?.set(closeTime)
      this.#ended()
    })
    from.resume()
  }

  #pass(chunk: Uint8Array, to: Duplex, follower: FrameFollower | undefined): boolean {
    follower?.follow(chunk)
    return to.writable ? to.write(chunk) : true
  }

  #moved(): void {
    if (!this.#closing) this.#deadline?.set(this.#timeout)
  }

  #closeWhenPossible(): void {
    this.#closeSide(this.#client, this.#toClient, false)
    this.#closeSide(this.#server, this.#toServer, true)
  }

  #closeSide(side: Duplex, follower: FrameFollower | undefined, masked: boolean): void {
    if (!side.writable || (follower !== undefined && !follower.atBoundary)) return
    if (follower === undefined) side.end()
    else side.end(closeFrame(masked))
  }

  #ended(): void {
    if (!this.#client.destroyed || !this.#server.destroyed) return
    this.#deadline?.clear()
    this.#onEnd?.()
    this.#onEnd = undefined
  }
}

function ignore(): void {}
