/** What the proxy tells those who listen, and its counts. */

import type { EventEmitter } from 'node:events'
import type { ClientRequest, IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { ProxyError } from '../errors.js'
import type { ServerState } from '../pool/server.js'

/** A request that is over. */
export interface RequestSummary {
  /** Name of the entry that took it; empty when none did, and the proxy answered. */
  readonly entry: string
  /** Address of the client, as `TrustProxy` of the entry lets it be known; empty for a Unix socket. */
  readonly client: string
  readonly method: string
  /** The target as the client sent it. */
  readonly url: string
  /** What the client got; 499 when it left before there was an answer. */
  readonly status: number
  /**
   * Bytes of the answer's body that were handed to the client's connection; undefined where they were not counted: after a
   * change of protocol, and without an entry.
   */
  readonly bytes: number | undefined
  /** Address of the server that answered, or was tried last; undefined when none was tried. */
  readonly server: string | undefined
  /** How many tries it took. */
  readonly attempts: number
  /** Milliseconds from its head to its end. */
  readonly duration: number
  /** Why it failed, if it did. */
  readonly error: ProxyError | undefined
}

/** The events of a proxy. */
export interface ProxyEvents {
  /** A server went offline, or came back. Told once for each change. */
  serverStateChange: [change: { pool: string; server: string; from: ServerState; to: ServerState; reason: string }]
  /** A request is about to be sent to a server. */
  request: [details: { entry: string; server: string; attempt: number }, req: IncomingMessage]
  /** A try failed, and the request goes to another server. */
  retry: [details: { entry: string; server: string; attempt: number; error: ProxyError }, req: IncomingMessage]
  /** A request is over, however it ended. */
  requestEnd: [summary: RequestSummary, req: IncomingMessage]
  /** A request was answered by the proxy with an error, or broke off. Nothing happens when nobody listens. */
  error: [error: ProxyError, req: IncomingMessage]
  /** A configuration was put in force. */
  reload: []
  /** `close` is done. */
  close: []
  /** Of the `http-proxy` transport: the head of the request can still be changed. */
  proxyReq: [proxyReq: ClientRequest, req: IncomingMessage, res: ServerResponse, options: object]
  /** Of the `http-proxy` transport: `proxyRes.headers` can still be changed. */
  proxyRes: [proxyRes: IncomingMessage, req: IncomingMessage, res: ServerResponse]
  /** Of the `http-proxy` transport: the same as `proxyReq` for an upgrade. */
  proxyReqWs: [proxyReq: ClientRequest, req: IncomingMessage, socket: Socket, options: object, head: Buffer]
}

/** An emitter of the proxy's events. */
export type ProxyEmitter = EventEmitter<ProxyEvents>

/** Where the proxy writes what somebody should read: `console`, pino, or anything with these three. */
export interface Logger {
  info(message: string): void
  warn(message: string): void
  error(message: string): void
}

/** Requests that ended well and ill: of clients, and of tries at servers. */
export interface ProxyStats {
  readonly client: { readonly success: number; readonly failed: number }
  readonly server: { readonly success: number; readonly failed: number }
}
