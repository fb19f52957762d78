/**
 * Where workers come in. The gate takes join requests of any HTTP server, answers them, and hands the connections to the
 * transport; it knows which workers there are, and tells the pools through `found`.
 *
 *     asked ──▶ refused
 *       └─(101)─▶ joined ──(its SETTINGS)──▶ found ──(GOAWAY)──▶ leaving ──(last request)──▶ gone
 *                                              └──(connection lost)────────────────────────▶ gone
 */

import { type IncomingMessage, STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Clock } from '../clock.js'
import type { Logger } from '../forward/events.js'
import { workerAddress } from '../pool/address.js'
import type { Joined, JoinedSession } from '../transports/http2/joined.js'
import { keepAlive } from './alive.js'
import { asksToJoin, isRefusal, type Refusal, readWorker, tokenRefusal, unlisted } from './join-request.js'
import { Presence } from './presence.js'
import { handshakeTime, type JoinedWorker, workerFields, workerProtocol } from './wire.js'

/** How long a worker may take to read a refusal, in milliseconds. */
const lingerTime = 2_000
/** Milliseconds that requests may take by default once the gate closes. */
const closeTimeout = 10_000

/** What a {@link WorkerGate} is made of. */
export interface GateParts {
  /** Gets the connections. */
  readonly joined: Joined
  readonly clock: Clock
  readonly logger: Logger
  /** Undefined: whoever can connect may join. */
  readonly token: () => string | undefined
  /** The services that entries list; `*` stands for any. */
  readonly services: () => readonly string[]
  /** This process, and how many share the address. */
  readonly process: { readonly id: string; readonly count: number }
  /** Told of all workers of this process whenever there are others than before. One that leaves is none any more. */
  readonly found: (workers: readonly JoinedWorker[]) => void
}

export class WorkerGate {
  readonly #parts: GateParts
  /** By `SERVICE/INSTANCE`, in the order in which they came. */
  readonly #present = new Map<string, Presence>()
  #workers: readonly JoinedWorker[] = []
  #closing = false
  #closed: Promise<void> | undefined
  #onEmpty: (() => void) | undefined

  constructor(parts: GateParts) {
    this.#parts = parts
  }

  /** Those to whom requests can go. */
  get workers(): readonly JoinedWorker[] {
    return this.#workers
  }

  /** For the `upgrade` event of a server. False: it is no join request, and the socket was not touched. */
  accept(req: IncomingMessage, socket: Duplex, head: Buffer): boolean {
    if (!asksToJoin(req)) return false
    socket.on('error', ignore)
    const { token, services, process } = this.#parts
    const refusal = this.#closing ? stopping : tokenRefusal(req, token())
    const read = refusal ?? readWorker(req)
    if (isRefusal(read)) {
      this.#refuse(socket, read)
      return true
    }
    const { worker, holds } = read
    const known = services()
    if (!known.includes(worker.service) && !known.includes('*')) this.#refuse(socket, unlisted(worker.service, known))
    else if (holds.includes(process.id)) this.#refuse(socket, held)
    else this.#join(worker, req, socket, head)
    return true
  }

  /**
   * Takes nobody any more, and tells all workers that no more requests come. Resolves when those under way are answered;
   * after `timeout` milliseconds (default: 10 000) they are cut.
   */
  close(options: { readonly timeout?: number } = {}): Promise<void> {
    this.#closing = true
    this.#closed ??= this.#close(options.timeout ?? closeTimeout)
    return this.#closed
  }

  async #close(timeout: number): Promise<void> {
    for (const presence of this.#present.values()) presence.drain()
    const letGo = keepAlive()
    const timer = this.#parts.clock.setTimeout(() => {
      for (const presence of [...this.#present.values()]) presence.destroy()
    }, timeout)
    await new Promise<void>((resolve) => {
      this.#onEmpty = resolve
      this.#checkEmpty()
    })
    timer.cancel()
    letGo()
  }

  #join(worker: JoinedWorker, req: IncomingMessage, socket: Duplex, head: Buffer): void {
    const fields = ['Connection', 'Upgrade', 'Upgrade', workerProtocol, ...this.#processFields()]
    // The session takes the connection from under the stream, and Node ends the process when a write of the stream is
    // still under way then.
    socket.write(answer(101, fields), () => {
      if (socket.destroyed) return
      if (this.#closing) socket.destroy()
      else this.#take(worker, req, socket, head)
    })
  }

  #take(worker: JoinedWorker, req: IncomingMessage, socket: Duplex, head: Buffer): void {
    const { joined, clock, logger } = this.#parts
    const address = workerAddress(worker.service, worker.instance)
    let presence = this.#present.get(address.host)
    if (presence === undefined) {
      presence = new Presence(joined.upstream(address), logger, () => this.#recount())
      this.#present.set(address.host, presence)
    }
    const session = presence.add(worker, req.socket?.remoteAddress, socket, head)
    this.#expectSettings(session, clock)
    session.onClose(() => {
      if (!presence.remove(session)) return
      this.#present.delete(address.host)
      this.#checkEmpty()
    })
  }

  /** A worker that has changed the protocol and then says nothing is none. */
  #expectSettings(session: JoinedSession, clock: Clock): void {
    const timer = clock.setTimeout(() => {
      if (!session.usable && !session.draining) session.destroy()
    }, handshakeTime)
    session.onClose(() => timer.cancel())
  }

  #recount(): void {
    const workers = [...this.#present.values()].filter(({ ready }) => ready).map(({ worker }) => worker)
    if (same(workers, this.#workers)) return
    this.#workers = workers
    this.#parts.found(workers)
  }

  #refuse(socket: Duplex, { status, text, fields = [] }: Refusal): void {
    const body = `${text}\n`
    const head = [
      ...['Connection', 'close', 'Content-Type', 'text/plain; charset=utf-8'],
      ...['Content-Length', String(Buffer.byteLength(body))],
      ...this.#processFields(),
      ...fields,
    ]
    socket.end(answer(status, head) + body)
    // Closing with unread bytes resets the connection, and the worker may lose the answer (RFC 9112 §9.6).
    socket.resume()
    const timer = this.#parts.clock.setTimeout(() => socket.destroy(), lingerTime)
    socket.once('end', () => socket.destroy())
    socket.once('close', () => timer.cancel())
  }

  #processFields(): string[] {
    const { id, count } = this.#parts.process
    return [workerFields.process, id, workerFields.processes, String(count)]
  }

  #checkEmpty(): void {
    if (this.#closing && this.#present.size === 0) this.#onEmpty?.()
  }
}

const stopping: Refusal = { status: 503, text: 'the proxy is about to stop' }
const held: Refusal = { status: 409, text: 'the worker is connected to this process already' }

function answer(status: number, fields: readonly string[]): string {
  let text = `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n`
  for (let i = 0; i < fields.length; i += 2) text += `${fields[i]}: ${fields[i + 1]}\r\n`
  return `${text}\r\n`
}

function same(workers: readonly JoinedWorker[], before: readonly JoinedWorker[]): boolean {
  return workers.length === before.length && workers.every((worker, i) => worker === before[i])
}

function ignore(): void {}
