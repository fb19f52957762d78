/** The answer to one request: the server's, or the proxy's own when there is none. */

import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Clock } from '../clock.js'
import { ProxyError } from '../errors.js'
import type { Member } from '../pool/member.js'
import type { RawHeaders, ResponseHead, Upstream } from '../transports/transport.js'
import type { ClientFacts } from './client.js'
import { ClientResponse } from './client-response.js'
import { errorAnswer } from './error-answer.js'
import { readCookie } from './hash-key.js'
import { endToEndTrailers } from './hop-by-hop.js'
import { informationalHead, responseHead } from './response-head.js'
import type { Route } from './route.js'

export class Answer {
  /** What the client gets; 0 as long as nothing is known. */
  status = 0
  /** All of it was handed to the client's connection. */
  complete = false
  /** Why the proxy answered by itself, or broke off. */
  error: ProxyError | undefined
  readonly #req: IncomingMessage
  readonly #res: ServerResponse
  readonly #route: Route
  readonly #client: ClientResponse

  /** `onDrain`: the client takes more of a body. */
  constructor(req: IncomingMessage, res: ServerResponse, route: Route, clock: Clock, onDrain: () => void) {
    this.#req = req
    this.#res = res
    this.#route = route
    this.#client = new ClientResponse(req, res, clock, onDrain)
  }

  /** The head is on its way: nothing else can be answered any more. */
  get started(): boolean {
    return this.#client.started
  }

  /** The client does not take what was sent. */
  get stalled(): boolean {
    // Of HTTP/2 the stream knows.
    const { stream } = this.#res as { stream?: Duplex }
    return (stream ?? this.#res).writableNeedDrain
  }

  /** The client has got all of it. */
  get delivered(): boolean {
    return this.complete && this.#res.writableFinished
  }

  /** Bytes of the body that were handed to the client's connection. */
  get bytes(): number {
    return this.#client.bytes
  }

  inform(status: number, headers: RawHeaders): void {
    // Node has answered `100-continue` already where nobody told it to leave that to the proxy.
    if (status === 100 && (this.#res as { _sent100?: boolean })._sent100 === true) return
    this.#client.informational(status, informationalHead(headers))
  }

  /** The fields of a server's answer as they go to the client. */
  fields(head: ResponseHead, member: Member<Upstream>, client: ClientFacts): string[] {
    return responseHead({
      head,
      options: this.#route.options,
      client,
      server: member.server.address,
      stickyCookie: this.#stickyCookie(member, client),
      chunked: this.#client.willBeChunked(head.headers, head.hasBody),
    })
  }

  /** Passes a server's head on; throws `ERR_RESPONSE_INVALID` for one that cannot be. */
  begin(head: ResponseHead, member: Member<Upstream>, client: ClientFacts, uploadComplete: boolean): void {
    this.status = head.status
    try {
      this.#client.head(head.status, head.reason, this.fields(head, member, client), head.hasBody, uploadComplete)
    } catch (error) {
      throw new ProxyError('ERR_RESPONSE_INVALID', (error as Error).message, { cause: error })
    }
  }

  /** False: wait for `onDrain`. */
  write(chunk: Buffer): boolean {
    return this.#client.write(chunk)
  }

  /** Parts of the body may still be read by somebody. */
  get holds(): boolean {
    return this.#client.holds
  }

  flush(): void {
    this.#client.flush()
  }

  end(trailers: RawHeaders): void {
    this.complete = true
    this.#client.end(endToEndTrailers(trailers))
  }

  /** Answers with an error, or breaks off. `readToEnd`: all of the client's request has been read. */
  refuse(error: ProxyError, readToEnd: boolean): void {
    this.error = error
    if (this.started) {
      this.destroy()
      return
    }
    const page = this.#route.options.errorPage.get(error.status)
    const { status, fields, body } = errorAnswer(this.#req, error, page, this.#route.pool.retryAfter)
    this.status = status
    const hasBody = this.#req.method !== 'HEAD'
    try {
      this.#client.head(status, STATUS_CODES[status] ?? '', fields, hasBody, readToEnd)
      if (hasBody) this.#client.write(body)
      this.end([])
    } catch {
      this.destroy()
    }
  }

  /** Breaks off. */
  destroy(): void {
    this.#client.destroy()
  }

  #stickyCookie(member: Member<Upstream>, client: ClientFacts): string | undefined {
    const { pool } = this.#route
    const { stickyCookie } = pool.options
    if (stickyCookie === undefined) return undefined
    const { token } = member
    if (readCookie(this.#req, stickyCookie) === token) return undefined
    const secure = client.proto === 'https' ? '; Secure' : ''
    return `${stickyCookie}=${token}; Path=/; HttpOnly; SameSite=Lax${secure}`
  }
}
