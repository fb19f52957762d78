import type { IncomingMessage } from 'node:http'
import { clientField, requestHost } from '../forward/client-fields.js'
import type { RequestSummary } from '../forward/events.js'

/** A request that is over, as the access log tells it. Text of the client is as it came: formats make it harmless. */
export interface AccessEntry {
  /** When it ended, in milliseconds since the Unix epoch. */
  readonly time: number
  /** Address of the client; empty for a Unix socket. */
  readonly client: string
  readonly method: string
  /** The target as the client sent it. */
  readonly target: string
  /** `HTTP/1.1`, `HTTP/2.0`. */
  readonly protocol: string
  /** 499 when the client left before there was an answer. */
  readonly status: number
  /** Bytes of the body that were handed to the client's connection; undefined where they were not counted. */
  readonly bytes: number | undefined
  /** Milliseconds from its head to its end. */
  readonly duration: number
  /** Name of the entry that took it. */
  readonly entry: string
  /** Address of the server that answered, or was tried last; undefined when none was tried. */
  readonly server: string | undefined
  readonly attempts: number
  /** Why it failed: the code of the `ProxyError`; undefined if it did not. */
  readonly error: string | undefined
  /** The field `Referer`; empty without. */
  readonly referer: string
  /** The field `User-Agent`; empty without. */
  readonly userAgent: string
  /** The host that the client asked for; empty without. */
  readonly host: string
}

/** Makes an entry of what `requestEnd` tells. `wallTime`: now, in milliseconds since the Unix epoch. */
export function accessEntry(req: IncomingMessage, summary: RequestSummary, wallTime: number): AccessEntry {
  return {
    time: wallTime,
    client: summary.client,
    method: summary.method,
    target: summary.url,
    protocol: `HTTP/${req.httpVersion}`,
    status: summary.status,
    bytes: summary.bytes,
    duration: summary.duration,
    entry: summary.entry,
    server: summary.server,
    attempts: summary.attempts,
    error: summary.error?.code,
    referer: clientField(req, 'referer'),
    userAgent: clientField(req, 'user-agent'),
    host: requestHost(req),
  }
}
