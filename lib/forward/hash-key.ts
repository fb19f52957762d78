import type { IncomingMessage } from 'node:http'
import type { HashKey } from '../pool/options.js'
import { clientField } from './client-fields.js'
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
      return clientField(req, key.name.toLowerCase())
    case 'cookie':
      return readCookie(req, key.name) ?? ''
  }
}

/** The value of a cookie that the client sent (RFC 6265 §5.4). */
export function readCookie(req: IncomingMessage, name: string): string | undefined {
  const cookies = clientField(req, 'cookie', '; ')
  for (let start = 0; start < cookies.length; ) {
    const semicolon = cookies.indexOf(';', start)
    const end = semicolon < 0 ? cookies.length : semicolon
    const equals = cookies.indexOf('=', start)
    if (equals > start && equals < end && cookies.slice(start, equals).trim() === name) {
      return cookies.slice(equals + 1, end).trim()
    }
    start = end + 1
  }
  return undefined
}
