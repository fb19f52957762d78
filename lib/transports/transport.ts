/**
 * The contract of a transport: it carries one request to one server, and the answer back.
 *
 * A transport owns connections and nothing else. It does not choose servers, does not try again, does not change
 * headers, and does not know the client. Whoever calls `send` gives it a complete request head and receives what
 * happens through `CarriageEvents`; the body is written and read through the `Carriage` that `send` returns.
 *
 * The order of events, each call at most once unless it says otherwise:
 *
 *     connected → (informational)* → response → (data)* → end
 *                                  → upgraded
 *     at any point, instead of what would follow: failed
 *
 * - No event but `connected` comes during `send` itself.
 * - After `end`, `upgraded`, `failed` or a call of `abort` there are no further events.
 * - Nothing of the request's body is asked for before `connected`: up to there the caller has touched nothing, and
 *   can go to another server. With `hasBody` false the transport finishes the request by itself.
 * - The head that arrives has been checked: one framing, a valid status, no control characters (RFC 9112 §6, RFC 9110
 *   §5.5). Anything else is `failed` with `ERR_RESPONSE_INVALID`. Its fields are those of the server, in order, with
 *   their case and duplicates, hop-by-hop fields included.
 * - `end` means that the body was complete. A body that breaks off is `failed`.
 * - The request may end after the response: a connection is only used again once both have ended.
 */

import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import type { ProxyError } from '../errors.js'
import type { ServerAddress } from '../pool/address.js'

/** Header fields as name, value, name, value …, in order. */
export type RawHeaders = readonly string[]

/** The head of a request, ready to go out. */
export interface TransportRequest {
  readonly method: string
  /** The request target, byte for byte as it goes out. */
  readonly target: string
  /**
   * All fields that go out, `Host` and framing (`Content-Length` or `Transfer-Encoding: chunked`) included; the
   * transport adds `Connection` alone.
   */
  readonly headers: RawHeaders
  /** A body follows, through {@link Carriage.write} and {@link Carriage.end}. */
  readonly hasBody: boolean
  /** The protocol to change to, for an upgrade (`websocket`); undefined for an ordinary request. */
  readonly upgrade: string | undefined
  /** May be sent twice (RFC 9110 §9.2.2). */
  readonly idempotent: boolean
  /** A kept connection turned out dead: use a new one. */
  readonly fresh: boolean
  /**
   * What it came from; undefined for a request of the proxy's own. A transport does nothing with it but hand it to
   * those who listen to the transport's events.
   */
  readonly source: { readonly req: IncomingMessage; readonly res: ServerResponse } | undefined
}

/** The head of a response. */
export interface ResponseHead {
  readonly status: number
  readonly reason: string
  readonly headers: RawHeaders
  /** A body will follow. False for HEAD, 204, 304 and `Content-Length: 0`. */
  readonly hasBody: boolean
}

/** What happens to a request under way. */
export interface CarriageEvents {
  /** A connection stands, and the body may be written. `reused`: it has served other requests before. */
  connected(carriage: Carriage, reused: boolean): void
  /** A 1xx answer but 101. */
  informational(status: number, headers: RawHeaders): void
  response(head: ResponseHead): void
  /** A part of the response's body. False: call `resume` before more is wanted. */
  data(chunk: Buffer): boolean
  /**
   * Somebody may still read what came by `data`. A transport may ask this in the turn in which it called `data`, and
   * read the next bytes into the same memory when the answer is no.
   */
  holds(): boolean
  /**
   * Nothing more of the response has come in this turn of the event loop: what was held back to go out together may go.
   * Called at least once after `response`, unless `end` comes in the same turn; may come any number of times.
   */
  flush(): void
  /** The response is complete. */
  end(trailers: RawHeaders): void
  /** The server changed the protocol. `rest` was read beyond the head. The socket has no listeners but for errors. */
  upgraded(head: ResponseHead, socket: Duplex, rest: Buffer): void
  /** `write` returned false, and now takes more. May come any number of times. */
  drained(): void
  /** It is over. No connection, a broken answer, a lost connection. */
  failed(error: ProxyError): void
}

/** A request under way. */
export interface Carriage {
  /** A part of the request's body. False: wait for `drained`. */
  write(chunk: Uint8Array): boolean
  /** The request's body is complete. */
  end(trailers: RawHeaders): void
  /** The response's body is wanted again, after `data` returned false. */
  resume(): void
  /** Ends it at once and closes its connection. Harmless when it is over. */
  abort(): void
}

/** How the connections to a server are made. Servers with equal options share connections. */
export interface ConnectionOptions {
  /** Milliseconds for TCP and TLS together. */
  readonly connectTimeout: number
  /** Milliseconds that an unused connection is kept. A server's `Keep-Alive: timeout` shortens it. */
  readonly keepAliveTimeout: number
  /** Unused connections kept for a server. */
  readonly keepAliveConnections: number
  /** Certificate authorities in PEM, in place of the system's. */
  readonly upstreamCA: string | undefined
  readonly upstreamCertificate: string | undefined
  readonly upstreamKey: string | undefined
  /** Name for SNI and for the certificate's check, in place of the server's host. */
  readonly upstreamServerName: string | undefined
  /** The server's certificate is checked. */
  readonly upstreamVerify: boolean
}

/** One way to carry requests to one server with one set of options. */
export interface Upstream {
  send(request: TransportRequest, events: CarriageEvents): Carriage
  /** Requests can be sent now. Absent: always; a connection that is missing is made. */
  readonly ready?: boolean
  /** Requests that the server takes at once, as it says itself. Absent: any number. */
  readonly limit?: number
  /** Calls `changed` whenever `ready` or `limit` has changed; returns how to stop. Absent: they never do. */
  watch?(changed: () => void): () => void
  /** Closes unused connections, and those in use as soon as they are free. */
  close(): void
}

/** A way to carry requests. */
export interface Transport {
  readonly name: string
  /** Makes the connections' home for one server; nothing is connected yet. */
  upstream(address: ServerAddress, options: ConnectionOptions): Upstream
}
