/**
 * The client's body on its way to a server. Nothing is read before a server's connection stands. What has been read is
 * kept up to `RetryBuffer`, so that the body can be sent once more from its beginning.
 */

import type { IncomingMessage } from 'node:http'
import { stringify } from 'node:querystring'
import { ProxyError } from '../errors.js'
import type { RawHeaders } from '../transports/transport.js'
import type { Framing } from './framing.js'
import { endToEndTrailers } from './hop-by-hop.js'

/** Where a body goes. */
export interface BodySink {
  write(chunk: Uint8Array): boolean
  end(trailers: RawHeaders): void
}

/** Told how the body gets on. */
export interface BodyListener {
  /** Some of it came from the client. */
  bodyMoved(): void
  /** All of it is on its way to the server. */
  bodySent(): void
  /** It is larger than allowed. */
  bodyTooLarge(): void
}

export class RequestBody {
  readonly #req: IncomingMessage
  readonly #listener: BodyListener
  readonly #maxSize: number
  readonly #replayLimit: number
  #kept: Buffer[] = []
  #size = 0
  #complete = false
  #reading = false
  #sink: BodySink | undefined
  #waiting = false

  /** `replayLimit`: bytes that may be kept to be sent again; `maxSize`: bytes, 0 for any. */
  constructor(req: IncomingMessage, listener: BodyListener, maxSize: number, replayLimit: number) {
    this.#req = req
    this.#listener = listener
    this.#maxSize = maxSize
    this.#replayLimit = replayLimit
    // Another listener (of a handler before the proxy) hears it together with the proxy, not before.
    if (req.readableFlowing === true) req.pause()
  }

  /** All of it has been read. */
  get complete(): boolean {
    return this.#complete
  }

  /** It can be sent from its beginning: nothing was read, or all that was read has been kept. */
  get replayable(): boolean {
    return this.#size === 0 || this.#size <= this.#replayLimit
  }

  /** The server takes no more just now; it is not the client who keeps the request waiting. */
  get waitsForServer(): boolean {
    return this.#waiting
  }

  /** Sends it to `sink` from the beginning, and goes on as it comes in. */
  sendTo(sink: BodySink): void {
    this.#sink = sink
    this.#waiting = false
    for (const chunk of this.#kept) sink.write(chunk)
    if (this.#complete) {
      sink.end(endToEndTrailers(this.#req.rawTrailers ?? []))
      this.#listener.bodySent()
      return
    }
    if (!this.#reading) {
      this.#takeWaiting()
      if (this.#complete || this.#sink === undefined) return
      this.#read()
    }
    if (!this.#waiting) this.#req.resume()
  }

  /** The server takes more. */
  drained(): void {
    if (!this.#waiting) return
    this.#waiting = false
    this.#req.resume()
  }

  /** The server does not want it any more; it may be sent to another one. */
  detach(): void {
    this.#sink = undefined
    if (this.#reading && !this.#complete) this.#req.pause()
  }

  /**
   * What has come by now, without a turn through the stream's events: a short body is often here as a whole, and then
   * goes out with the head.
   */
  #takeWaiting(): void {
    const chunk: Buffer | null = this.#req.readableLength > 0 ? this.#req.read() : null
    if (chunk !== null) this.#data(chunk)
    // Of a stream of HTTP/2 `complete` says something else.
    if (this.#req.complete && this.#req.httpVersionMajor < 2 && this.#req.readableLength === 0) this.#end()
  }

  #read(): void {
    this.#reading = true
    this.#req.on('data', (chunk: Buffer) => this.#data(chunk))
    this.#req.on('end', () => this.#end())
  }

  #data(chunk: Buffer): void {
    // Nobody wants it any more: it is only read to its end.
    if (this.#sink === undefined) return
    this.#size += chunk.length
    this.#listener.bodyMoved()
    if (this.#maxSize > 0 && this.#size > this.#maxSize) {
      this.#listener.bodyTooLarge()
      return
    }
    if (this.#size <= this.#replayLimit) this.#kept.push(chunk)
    else if (this.#kept.length > 0) this.#kept = []
    if (this.#sink.write(chunk)) return
    this.#waiting = true
    this.#req.pause()
  }

  #end(): void {
    this.#complete = true
    if (this.#sink === undefined) return
    this.#sink.end(endToEndTrailers(this.#req.rawTrailers ?? []))
    this.#listener.bodySent()
  }
}

/** A body that something before the proxy has read, made again from what it left in `req.body`. */
export class RemadeBody {
  readonly #bytes: Buffer
  readonly #listener: BodyListener
  readonly complete = true
  readonly replayable = true
  readonly waitsForServer = false

  constructor(bytes: Buffer, listener: BodyListener) {
    this.#bytes = bytes
    this.#listener = listener
  }

  sendTo(sink: BodySink): void {
    sink.write(this.#bytes)
    sink.end([])
    this.#listener.bodySent()
  }

  drained(): void {}

  detach(): void {}
}

/** A request as body parsers leave it. */
type ParsedRequest = IncomingMessage & { readonly body?: unknown; readonly rawBody?: unknown }

/**
 * The bytes of a body that was read before the proxy saw the request (`express.json()` and the like), or undefined
 * when it is still there to be read. Throws `ERR_BODY_CONSUMED` when it is gone.
 */
export function consumedBody(req: ParsedRequest, framing: Framing): Buffer | undefined {
  if (!framing.hasBody || !(req.readableDidRead || req.readableEnded)) return undefined
  const { body, rawBody } = req
  const type = String(req.headers['content-type'] ?? '').toLowerCase()
  for (const bytes of [rawBody, body]) {
    if (bytes instanceof Uint8Array) return Buffer.from(bytes)
    if (typeof bytes === 'string' && !isJsonValue(bytes, type)) return Buffer.from(bytes)
  }
  if (body !== undefined && jsonType.test(type)) return Buffer.from(JSON.stringify(body))
  if (body !== null && typeof body === 'object' && type.startsWith('application/x-www-form-urlencoded')) {
    return Buffer.from(stringify(flat(body)))
  }
  throw new ProxyError(
    'ERR_BODY_CONSUMED',
    `the body of ${req.method} ${req.url} was read before the proxy saw the request; mount the proxy before the body ` +
      'parser: app.use(proxy) first, then app.use(express.json()) and the like',
  )
}

const jsonType = /[/+]json\b/

/** A string that was read as a JSON value, rather than the text of one: `text` where `"text"` was sent. */
function isJsonValue(text: string, type: string): boolean {
  if (!jsonType.test(type)) return false
  try {
    JSON.parse(text)
    return false
  } catch {
    return true
  }
}

/**
 * `{ a: { b: [1, 2] } }` as the extended parser of Express reads it: `a[b][0]=1&a[b][1]=2`. A list of several plain
 * values is a name that stands several times, which the plain parsers read too; of one value it would be no list.
 */
function flat(value: object, prefix = ''): Record<string, string | string[]> {
  const pairs: Record<string, string | string[]> = {}
  for (const [key, item] of Object.entries(value)) {
    const name = prefix === '' ? key : `${prefix}[${key}]`
    if (prefix === '' && isPlainList(item)) pairs[name] = item.map(String)
    else if (item !== null && typeof item === 'object') Object.assign(pairs, flat(item, name))
    else pairs[name] = String(item ?? '')
  }
  return pairs
}

function isPlainList(item: unknown): item is unknown[] {
  return Array.isArray(item) && item.length > 1 && item.every((each) => typeof each !== 'object')
}
