/** A request as it goes to servers: what stays the same from try to try, made once. */

import type { IncomingMessage, ServerResponse } from 'node:http'
import { ProxyError } from '../errors.js'
import type { ServerAddress } from '../pool/address.js'
import type { TransportRequest } from '../transports/transport.js'
import { type ClientFacts, clientFacts } from './client.js'
import { leaveContinueToServer } from './continue.js'
import { type Framing, requestFraming } from './framing.js'
import type { ForwardOptions } from './options.js'
import { type BodyListener, consumedBody, RemadeBody, RequestBody } from './request-body.js'
import { requestHead, withHost } from './request-head.js'
import { type ClientTarget, requestTarget } from './request-target.js'
import { isIdempotent } from './retry.js'
import type { UpgradeSide } from './upgrade.js'

/** What an outgoing request is made of. */
export interface OutgoingParts {
  readonly req: IncomingMessage
  readonly res: ServerResponse
  readonly options: ForwardOptions
  readonly target: ClientTarget
  /** The host that the client asked for. */
  readonly host: string
  readonly upgrade: UpgradeSide | undefined
  readonly bodyListener: BodyListener
}

export class OutgoingRequest {
  readonly method: string
  readonly client: ClientFacts
  /** Undefined: there is none. */
  readonly body: RequestBody | RemadeBody | undefined
  readonly #parts: OutgoingParts
  readonly #target: string
  readonly #fields: readonly string[]
  /** The same `Host` for every server: the client's, or the one that the entry sets. */
  readonly #keepsHost: boolean

  /** Throws a {@link ProxyError} for a request that cannot go anywhere: malformed, too large, in a loop, consumed. */
  constructor(parts: OutgoingParts) {
    const { req, options, upgrade, host, target } = parts
    this.#parts = parts
    this.method = upgrade?.method ?? req.method ?? 'GET'
    this.client = clientFacts(req, host, options.trustProxy)
    let framing = requestFraming(req)
    if (options.maxBodySize > 0 && (framing.length ?? 0) > options.maxBodySize) {
      throw new ProxyError('ERR_BODY_TOO_LARGE')
    }
    if (upgrade !== undefined) {
      // Node has stopped parsing: the server would take the body for something else. A stream is a body by nature.
      if (framing.hasBody && req.httpVersionMajor < 2) throw new ProxyError('ERR_BAD_REQUEST', 'an upgrade with a body')
      framing = noBody
    } else if (framing.hasBody) {
      const remade = consumedBody(req, framing)
      if (remade === undefined) {
        this.body = this.#streamed()
      } else {
        framing = { hasBody: true, length: remade.length }
        this.body = new RemadeBody(remade, parts.bodyListener)
      }
    }
    const fields = requestHead({
      req,
      options,
      framing,
      client: this.client,
      host,
      upgrade: upgrade?.protocol,
      unpacked: this.body instanceof RemadeBody,
    })
    if (upgrade !== undefined) fields.push(...upgrade.extraFields)
    this.#fields = fields
    this.#target = requestTarget(target, options)
    this.#keepsHost = options.preserveHost || options.setRequestHeader.some(({ name }) => name.toLowerCase() === 'host')
  }

  /** All of the client's request has been read. */
  get complete(): boolean {
    return this.body === undefined || this.body.complete
  }

  /** It can be sent from its beginning. */
  get replayable(): boolean {
    return this.body === undefined || this.body.replayable
  }

  /** The request for one server; `fresh`: on a new connection. */
  to(server: ServerAddress, fresh: boolean): TransportRequest {
    const { req, res, upgrade } = this.#parts
    return {
      method: this.method,
      target: this.#target,
      headers: this.#keepsHost ? this.#fields : withHost(this.#fields, server.authority),
      hasBody: this.body !== undefined,
      upgrade: upgrade?.protocol,
      idempotent: isIdempotent(this.method),
      fresh,
      source: { req, res },
    }
  }

  #streamed(): RequestBody {
    const { req, options, bodyListener } = this.#parts
    leaveContinueToServer(req)
    const sentTwice = isIdempotent(this.method) || options.retryOn.nonIdempotent
    return new RequestBody(req, bodyListener, options.maxBodySize, sentTwice ? options.retryBuffer : 0)
  }
}

const noBody: Framing = { hasBody: false, length: undefined }
