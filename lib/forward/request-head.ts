/** The fields of a request as they go to the server: the client's own, less what stays here, plus what the proxy adds. */

import type { IncomingMessage } from 'node:http'
import type { HeaderField } from '../config/headers.js'
import { ProxyError } from '../errors.js'
import { type ClientFacts, peerAddress } from './client.js'
import { clientFields } from './client-fields.js'
import { isField, removeField, replaceField } from './fields.js'
import type { Framing } from './framing.js'
import { hopByHop, namedByConnection } from './hop-by-hop.js'
import type { ForwardOptions } from './options.js'

/** The name under which the proxy signs `Via` and `Proxy-Status`. */
export const pseudonym = 'pointsman'
/** How often a request may have passed this proxy before it is taken for a loop. */
const loopLimit = 3
/** The name alone, behind a protocol: not in a comment, not within another name (RFC 9110 §7.6.3). */
const ownSignature = /(?<=(?:^|,)\s*[^\s,()]+\s+)pointsman(?=[\s,]|$)/g

export interface RequestHeadParts {
  readonly req: IncomingMessage
  readonly options: ForwardOptions
  readonly framing: Framing
  readonly client: ClientFacts
  /** The host that the client asked for. */
  readonly host: string
  /** The protocol to change to. */
  readonly upgrade: string | undefined
  /** The body was read, and unpacked, before the proxy saw it. */
  readonly unpacked: boolean
}

/**
 * Makes the fields, `Host` first among equals at the place where the client had it. Throws `ERR_LOOP` when the request
 * has passed here too often.
 */
export function requestHead(parts: RequestHeadParts): string[] {
  const { req, options, framing, client, host, upgrade, unpacked } = parts
  const raw = clientFields(req)
  const named = namedByConnection(raw)
  const removed = options.removeRequestHeader
  const fields: string[] = []
  const kept: Kept = { via: '', forwardedFor: '', forwarded: '' }
  let hasHost = false
  let trailers = false
  let cookieAt = -1
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i] as string
    const value = raw[i + 1] as string
    const lower = name.toLowerCase()
    if (own.has(lower)) {
      // Trailers follow chunks alone (RFC 9112 §7.1.2); Node refuses to announce them elsewhere.
      if (lower === 'trailer') {
        if (framing.hasBody && framing.length === undefined && !removed.includes(lower)) fields.push(name, value)
      } else if (lower === 'host') {
        if (!hasHost) fields.push(name, host)
        hasHost = true
      } else if (lower === 'te') {
        trailers ||= /(?:^|,)\s*trailers\s*(?:;|,|$)/i.test(value)
      } else {
        takeOwn(lower, value, kept, client)
      }
    } else if (unpacked && lower === 'content-encoding') {
      // It tells of bytes that are no more.
    } else if (named?.has(lower) !== true && !lower.startsWith(':') && !removed.includes(lower)) {
      // HTTP/2 cuts cookies into several fields; HTTP/1.1 has one (RFC 9113 §8.2.3).
      if (lower === 'cookie' && cookieAt >= 0 && req.httpVersionMajor >= 2) fields[cookieAt] += `; ${value}`
      else fields.push(name, value)
      if (lower === 'cookie' && cookieAt < 0) cookieAt = fields.length - 1
    }
  }
  if (!hasHost && host !== '') fields.unshift('Host', host)
  // The framing is written from what was understood, never copied.
  if (framing.length !== undefined) fields.push('Content-Length', String(framing.length))
  else if (framing.hasBody) fields.push('Transfer-Encoding', 'chunked')
  if (trailers) fields.push('TE', 'trailers')
  if (upgrade !== undefined) fields.push('Upgrade', upgrade)
  addClient(fields, kept, client, req, options)
  if (options.via) fields.push('Via', `${kept.via}${req.httpVersion} ${pseudonym}`)
  else if (kept.via !== '') fields.push('Via', kept.via.slice(0, -2))
  // What the proxy writes by itself is not wanted either, where the entry says so.
  for (const name of removed) removeField(fields, name)
  setAll(fields, options.setRequestHeader)
  return fields
}

/** The same fields with another `Host`, for a server that is to see its own name. */
export function withHost(fields: readonly string[], host: string): string[] {
  const copy = [...fields]
  replaceField(copy, 'Host', host)
  return copy
}

interface Kept {
  via: string
  forwardedFor: string
  forwarded: string
}

/** Fields that go no further, or that the proxy writes by itself. */
const own: ReadonlySet<string> = new Set([
  ...hopByHop,
  'host',
  'content-length',
  'trailer',
  'via',
  'forwarded',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-proto',
  'x-forwarded-port',
])

/** Keeps what there is to keep of such a field. */
function takeOwn(lower: string, value: string, kept: Kept, client: ClientFacts): void {
  switch (lower) {
    case 'via':
      kept.via += `${value}, `
      if ((kept.via.match(ownSignature)?.length ?? 0) >= loopLimit) throw new ProxyError('ERR_LOOP')
      break
    case 'x-forwarded-for':
      if (client.trusted) kept.forwardedFor += `${value}, `
      break
    case 'forwarded':
      if (client.trusted) kept.forwarded += `${value}, `
      break
  }
}

function addClient(
  fields: string[],
  kept: Kept,
  client: ClientFacts,
  req: IncomingMessage,
  options: ForwardOptions,
): void {
  const peer = peerAddress(req)
  if (options.xForwarded) {
    fields.push('X-Forwarded-For', `${kept.forwardedFor}${peer === '' ? 'unknown' : peer}`)
    if (client.host !== '') fields.push('X-Forwarded-Host', client.host)
    fields.push('X-Forwarded-Proto', client.proto, 'X-Forwarded-Port', client.port)
  } else if (kept.forwardedFor !== '') {
    fields.push('X-Forwarded-For', kept.forwardedFor.slice(0, -2))
  }
  if (options.forwarded) {
    const host = client.host === '' ? '' : `;host=${quoted(client.host)}`
    fields.push('Forwarded', `${kept.forwarded}for=${forwardedNode(peer)}${host};proto=${client.proto}`)
  } else if (kept.forwarded !== '') {
    fields.push('Forwarded', kept.forwarded.slice(0, -2))
  }
}

/** RFC 7239 §6: an IPv6 address stands in brackets, and so in quotes. */
function forwardedNode(address: string): string {
  if (address === '') return 'unknown'
  return address.includes(':') ? `"[${address}]"` : address
}

function quoted(value: string): string {
  return /^[\w.!#$%&'*+^`|~-]+$/.test(value) ? value : `"${value.replace(/["\\]/g, '\\$&')}"`
}

/** The first value of a name takes the place of what was there; further ones are added. */
function setAll(fields: string[], set: readonly HeaderField[]): void {
  for (let i = 0; i < set.length; i++) {
    const { name, value } = set[i] as HeaderField
    const lower = name.toLowerCase()
    const first = set.findIndex((other) => isField(other.name, lower)) === i
    if (first) replaceField(fields, name, value)
    else fields.push(name, value)
  }
}
