import type { OutgoingHttpHeaders } from 'node:http2'
import { isToken } from '../../config/tokens.js'
import { ProxyError } from '../../errors.js'
import type { ServerAddress } from '../../pool/address.js'
import type { TransportRequest } from '../transport.js'

/** Fields that HTTP/2 does not have (RFC 9113 §8.2.2); `Host` is `:authority`. */
const left: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'transfer-encoding',
  'upgrade',
  'http2-settings',
  'host',
])

/** Names as they were given → in lower case; empty for those that are left out. The same few come again and again. */
const known = new Map<string, string>()
const knownLimit = 2_000

function lowerName(name: string): string {
  let lower = known.get(name)
  if (lower === undefined) {
    // Node ends the whole connection over such a name.
    if (!isToken(name)) throw new ProxyError('ERR_BAD_REQUEST', `a field with the name "${name}"`)
    lower = name.toLowerCase()
    if (left.has(lower)) lower = ''
    if (known.size < knownLimit) known.set(name, lower)
  }
  return lower
}

/** Fields by name, and nothing that every object has: a client may send a field `constructor`. */
const Fields = function (this: unknown) {} as unknown as new () => OutgoingHttpHeaders
Fields.prototype = Object.create(null)

/** The head of a request as Node wants it (RFC 9113 §8.3.1). Throws `ERR_BAD_REQUEST` for what cannot be sent. */
export function requestHead({ method, target, headers }: TransportRequest, server: ServerAddress): OutgoingHttpHeaders {
  const head: OutgoingHttpHeaders = new Fields()
  head[':method'] = method
  head[':scheme'] = server.secure ? 'https' : 'http'
  head[':authority'] = server.authority
  head[':path'] = target
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] as string
    const value = headers[i + 1] as string
    const lower = lowerName(name)
    if (lower === '') {
      if (name.length === 4) head[':authority'] = value
    } else if (head[lower] === undefined) {
      head[lower] = value
    } else {
      head[lower] = [head[lower] as string | string[], value].flat()
    }
  }
  // The only value that it may have here (RFC 9113 §8.2.2).
  if (head.te !== undefined) head.te = 'trailers'
  return head
}

/** The same head with one field of each name: Node refuses several of some names (ERR_HTTP2_HEADER_SINGLE_VALUE). */
export function joined(head: OutgoingHttpHeaders): OutgoingHttpHeaders {
  for (const [name, value] of Object.entries(head)) {
    if (Array.isArray(value)) head[name] = value.join(name === 'cookie' ? '; ' : ', ')
  }
  return head
}

/** Trailers as Node wants them. */
export function trailerHead(trailers: readonly string[]): OutgoingHttpHeaders {
  const head: OutgoingHttpHeaders = new Fields()
  for (let i = 0; i < trailers.length; i += 2) {
    const lower = lowerName(trailers[i] as string)
    const value = trailers[i + 1] as string
    if (lower !== '') head[lower] = head[lower] === undefined ? value : [head[lower] as string | string[], value].flat()
  }
  return head
}

/** Why a head cannot be sent, from what was thrown about it. */
export function unsendable(error: unknown): ProxyError {
  return error instanceof ProxyError
    ? error
    : new ProxyError('ERR_BAD_REQUEST', (error as Error).message, { cause: error })
}
