/** Requests with answers, and notices, between two processes. */

import type { Clock, Timer } from '../clock.js'
import { messageOf } from '../config/section.js'
import { ChangeError } from '../forward/control.js'
import {
  type Answer,
  type Ask,
  isAnswer,
  type Message,
  type NoticeName,
  type Notices,
  type Refusal,
  type RequestName,
  readMessage,
} from './messages.js'

/** One end of what messages go through: a child of this process, or the parent. */
export interface Port {
  /** Never throws; what cannot be sent is lost, and `onClose` tells why. */
  send(message: Message): void
  onMessage(listener: (message: unknown) => void): void
  /** The other side is gone. May be called several times. */
  onClose(listener: () => void): void
}

/** The other side has gone without an answer. */
export class GoneError extends Error {
  override readonly name = 'GoneError'
}

/** The other side has not answered in time, or not with what was asked for. */
export class NoAnswerError extends Error {
  override readonly name = 'NoAnswerError'
}

/** The other side could not do what was asked; the message is its own. */
export class RefusedError extends Error {
  override readonly name = 'RefusedError'
  /** `code` of the error there; empty without one. */
  readonly code: string

  constructor(code: string, message: string) {
    super(message)
    this.code = code
  }
}

interface Pending {
  readonly name: RequestName
  readonly timer: Timer
  resolve(answer: unknown): void
  reject(error: Error): void
}

export class Channel {
  readonly #port: Port
  readonly #clock: Clock
  readonly #pending = new Map<number, Pending>()
  readonly #handlers = new Map<RequestName, (ask: never) => Promise<unknown>>()
  readonly #listeners = new Map<NoticeName, (body: never) => void>()
  #ids = 0
  #closed = false

  constructor(port: Port, clock: Clock) {
    this.#port = port
    this.#clock = clock
    port.onMessage((value) => this.#receive(value))
    port.onClose(() => this.#close())
  }

  /** Answers such requests. What the handler throws arrives at the other side. */
  answer<Name extends RequestName>(name: Name, handler: (ask: Ask<Name>) => Promise<Answer<Name>>): void {
    this.#handlers.set(name, handler)
  }

  /** Hears such notices. */
  on<Name extends NoticeName>(name: Name, listener: (body: Notices[Name]) => void): void {
    this.#listeners.set(name, listener)
  }

  tell<Name extends NoticeName>(name: Name, body: Notices[Name]): void {
    if (!this.#closed) this.#port.send({ type: 'notice', name, body })
  }

  /**
   * Rejects with a {@link GoneError} when the other side is gone, a {@link NoAnswerError} after `timeout` milliseconds,
   * and a {@link RefusedError} or a `ChangeError` when that is the answer.
   */
  request<Name extends RequestName>(name: Name, body: Ask<Name>, timeout: number): Promise<Answer<Name>> {
    return new Promise((resolve, reject) => {
      if (this.#closed) {
        reject(new GoneError('the process has ended'))
        return
      }
      const id = this.#ids++
      const timer = this.#clock.setTimeout(() => {
        this.#pending.delete(id)
        reject(new NoAnswerError(`no answer to "${name}" within ${timeout} ms`))
      }, timeout)
      this.#pending.set(id, { name, timer, resolve: resolve as Pending['resolve'], reject })
      this.#port.send({ type: 'request', id, name, body })
    })
  }

  #receive(value: unknown): void {
    const message = readMessage(value)
    if (message === undefined) return
    if (message.type === 'notice') this.#listeners.get(message.name)?.(message.body as never)
    else if (message.type === 'request') void this.#serve(message.id, message.name, message.body)
    else this.#settle(message)
  }

  async #serve(id: number, name: RequestName, body: unknown): Promise<void> {
    let reply: Message
    try {
      const handler = this.#handlers.get(name)
      if (handler === undefined) throw new Error(`"${name}" is not known here`)
      reply = { type: 'answer', id, body: await handler(body as never) }
    } catch (error) {
      reply = { type: 'refusal', id, error: refusalOf(error) }
    }
    if (!this.#closed) this.#port.send(reply)
  }

  #settle(message: Message & { type: 'answer' | 'refusal' }): void {
    const pending = this.#pending.get(message.id)
    // Too late: whoever asked has given up.
    if (pending === undefined) return
    this.#pending.delete(message.id)
    pending.timer.cancel()
    if (message.type === 'refusal') pending.reject(errorOf(message.error))
    else if (isAnswer(pending.name, message.body)) pending.resolve(message.body)
    else pending.reject(new NoAnswerError(`what came is no answer to "${pending.name}"`))
  }

  #close(): void {
    this.#closed = true
    for (const { timer, reject } of this.#pending.values()) {
      timer.cancel()
      reject(new GoneError('the process has ended'))
    }
    this.#pending.clear()
  }
}

function refusalOf(error: unknown): Refusal {
  const { name, code } = error instanceof Error ? (error as NodeJS.ErrnoException) : { name: 'Error' }
  return { name, code: typeof code === 'string' ? code : '', message: messageOf(error) }
}

function errorOf({ name, code, message }: Refusal): Error {
  if (name === 'ChangeError' && (code === 'not-found' || code === 'invalid')) return new ChangeError(code, message)
  return new RefusedError(code, message)
}
