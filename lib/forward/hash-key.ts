import type { IncomingMessage } from 'node:http'
import type { HashKey } from '../pool/options.js'
import type { ClientTarget } from './request-target.js'

/** What `HashKey` of the entry names; empty when the request has none. */
export function hashKey(key: HashKey, req: IncomingMessage, target: ClientTarget, clientAddress: string): string {
  switch (key.kind) {
    case 'source':
      return clientAddress
    case 'uri':
      return target.rawPath + target.query
    case 'path':
      return target.path
    case 'header':
      return String(req.headers[key.name.toLowerCase()] ?? '')
    case 'cookie':
      return readCookie(req, key.name) ?? ''
  }
}

/** The value of a cookie that the client sent (RFC 6265 §5.4). */
export function readCookie(req: IncomingMessage, name: string): string | undefined {
  for (const pair of (req.headers.cookie ?? '').split(';')) {
    const equals = pair.indexOf('=')
    if (equals > 0 && pair.slice(0, equals).trim() === name) return pair.slice(equals + 1).trim()
  }
  return undefined
}
