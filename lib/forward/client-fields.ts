/**
 * The client's fields, with what handlers before the proxy changed about them. They change `req.headers`
 * (`delete req.headers.authorization`), and count on it; order, case and duplicates stand in `req.rawHeaders` alone.
 */

import { IncomingMessage } from 'node:http'
import { Socket } from 'node:net'
import { isField } from './fields.js'

/** Node makes `req.headers` when it is first asked for, and keeps it under a symbol of its own. */
const headersSymbol = Object.getOwnPropertySymbols(new IncomingMessage(new Socket())).find(
  ({ description }) => description === 'kHeaders',
)

/** Nobody has asked for `req.headers`, so nobody can have changed it. */
function untouched(req: IncomingMessage): boolean {
  return headersSymbol !== undefined && (req as unknown as Record<symbol, unknown>)[headersSymbol] === null
}

/** Fields as name, value, name, value …, in the client's order and case. */
export function clientFields(req: IncomingMessage): readonly string[] {
  const raw = req.rawHeaders
  if (untouched(req) || req.httpVersionMajor >= 2) return raw
  const now = req.headers
  const sent = new Map<string, string[]>()
  for (let i = 0; i < raw.length; i += 2) {
    const name = (raw[i] as string).toLowerCase()
    const values = sent.get(name)
    if (values === undefined) sent.set(name, [raw[i + 1] as string])
    else values.push(raw[i + 1] as string)
  }
  const changed = new Set<string>()
  for (const [name, values] of sent) if (!isSame(now[name], values)) changed.add(name)
  const added = Object.keys(now).filter((name) => changed.has(name) || !sent.has(name.toLowerCase()))
  if (changed.size === 0 && added.length === 0) return raw
  const fields: string[] = []
  for (let i = 0; i < raw.length; i += 2) {
    if (!changed.has((raw[i] as string).toLowerCase())) fields.push(raw[i] as string, raw[i + 1] as string)
  }
  for (const name of added) for (const value of [now[name] ?? []].flat()) fields.push(name, String(value))
  return fields
}

/** The value of a field, joined where it stands several times; empty without it. `lower`: its name in lower case. */
export function clientField(req: IncomingMessage, lower: string, separator = ', '): string {
  if (!untouched(req)) {
    const value = req.headers[lower]
    return Array.isArray(value) ? value.join(separator) : (value ?? '')
  }
  const raw = req.rawHeaders
  let joined: string | undefined
  for (let i = 0; i < raw.length; i += 2) {
    if (!isField(raw[i] as string, lower)) continue
    const value = raw[i + 1] as string
    joined = joined === undefined ? value : joined + separator + value
  }
  return joined ?? ''
}

/** The host that a request names: of HTTP/2 the authority (RFC 9113 §8.3.1). */
export function requestHost(req: IncomingMessage): string {
  if (req.httpVersionMajor >= 2) {
    const authority = req.headers[':authority']
    return (typeof authority === 'string' ? authority : req.headers.host) ?? ''
  }
  if (!untouched(req)) return req.headers.host ?? ''
  const raw = req.rawHeaders
  for (let i = 0; i < raw.length; i += 2) if (isField(raw[i] as string, 'host')) return raw[i + 1] as string
  return ''
}

/** Node joins fields of the same name with a comma, cookies with a semicolon, and keeps the first of some. */
function isSame(now: string | string[] | undefined, sent: readonly string[]): boolean {
  if (now === undefined) return false
  if (Array.isArray(now)) return now.length === sent.length && now.every((value, i) => value === sent[i])
  return now === sent[0] || now === sent.join(', ') || now === sent.join('; ')
}
