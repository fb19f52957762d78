/** The fields of a response as they go to the client: the server's own, less what stays here, plus what the proxy adds. */

import type { Replacement } from '../config/pairs.js'
import type { ServerAddress } from '../pool/address.js'
import type { RawHeaders, ResponseHead } from '../transports/transport.js'
import type { ClientFacts } from './client.js'
import { removeField } from './fields.js'
import { isHopByHop, namedByConnection } from './hop-by-hop.js'
import type { ForwardOptions } from './options.js'
import { pseudonym } from './request-head.js'

export interface ResponseHeadParts {
  readonly head: ResponseHead
  readonly options: ForwardOptions
  readonly client: ClientFacts
  readonly server: ServerAddress
  /** A `Set-Cookie` value that ties the client to the server. */
  readonly stickyCookie: string | undefined
  /** The body will be chunked towards the client, so that trailers can follow. */
  readonly chunked: boolean
}

/** Makes the fields, without framing: that is the client connection's own. */
export function responseHead(parts: ResponseHeadParts): string[] {
  const { options } = parts
  const { status, headers: raw } = parts.head
  const named = namedByConnection(raw)
  const fields: string[] = []
  let via = ''
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i] as string
    const lower = name.toLowerCase()
    let value = raw[i + 1] as string
    if (isHopByHop(lower, named) || options.removeResponseHeader.includes(lower)) continue
    if (lower === 'via') {
      via += `${value}, `
      continue
    }
    // Neither has a body, and so no length of one (RFC 9110 §8.6).
    if (lower === 'content-length' && (status === 204 || status === 101)) continue
    // Node refuses to send `Trailer` with a body that is not chunked.
    if (lower === 'trailer' && !parts.chunked) continue
    if (lower === 'location' && options.rewriteLocation) value = rewriteLocation(value, parts)
    else if (lower === 'set-cookie') value = rewriteCookie(value, options)
    fields.push(name, value)
  }
  if (options.via) fields.push('Via', `${via}1.1 ${pseudonym}`)
  else if (via !== '') fields.push('Via', via.slice(0, -2))
  if (parts.stickyCookie !== undefined) fields.push('Set-Cookie', parts.stickyCookie)
  for (const { name } of options.setResponseHeader) removeField(fields, name.toLowerCase())
  for (const { name, value } of options.setResponseHeader) fields.push(name, value)
  return fields
}

/** The fields of an informational response that go further. */
export function informationalHead(raw: RawHeaders): string[] {
  const named = namedByConnection(raw)
  const fields: string[] = []
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i] as string
    if (!isHopByHop(name.toLowerCase(), named)) fields.push(name, raw[i + 1] as string)
  }
  return fields
}

/** A redirect that points at the server becomes one that points at the address that the client used. */
function rewriteLocation(location: string, { options, client, server }: ResponseHeadParts): string {
  const [, origin, authority, rest = ''] = /^((?:https?:)?\/\/([^/?#]*))?(.*)$/is.exec(location) as string[]
  if (origin !== undefined && authority?.toLowerCase() !== server.authority.toLowerCase()) return location
  if (origin === undefined && !rest.startsWith('/')) return location
  let path = withSlash(rest)
  const added = options.addPrefix?.replace(/\/$/, '') ?? ''
  if (path.startsWith(added) && /^(?:$|[/?#])/.test(path.slice(added.length)))
    path = withSlash(path.slice(added.length))
  if (options.stripPrefix !== undefined) path = options.stripPrefix.replace(/\/$/, '') + path
  if (origin === undefined) return path
  return `${origin.startsWith('//') ? '' : `${client.proto}:`}//${client.host}${path}`
}

function withSlash(path: string): string {
  return path.startsWith('/') ? path : `/${path}`
}

function rewriteCookie(cookie: string, { rewriteCookieDomain, rewriteCookiePath }: ForwardOptions): string {
  if (rewriteCookieDomain === undefined && rewriteCookiePath === undefined) return cookie
  const [pair, ...attributes] = cookie.split(';')
  const kept = attributes.flatMap((attribute) => {
    const [, name = '', value = ''] = /^\s*([^=\s]*)\s*=?\s*(.*?)\s*$/s.exec(attribute) as string[]
    const lower = name.toLowerCase()
    const rewritten =
      lower === 'domain' && rewriteCookieDomain !== undefined
        ? rewriteDomain(value, rewriteCookieDomain)
        : lower === 'path' && rewriteCookiePath !== undefined
          ? rewritePath(value, rewriteCookiePath)
          : undefined
    if (rewritten === undefined) return [attribute]
    return rewritten === '' ? [] : [` ${name}=${rewritten}`]
  })
  return [pair, ...kept].join(';')
}

/** Undefined: it stays. A dot before a domain means nothing (RFC 6265 §5.2.3). */
function rewriteDomain(value: string, { from, to }: Replacement): string | undefined {
  const plain = (domain: string): string => domain.replace(/^\./, '').toLowerCase()
  return from === '*' || plain(value) === plain(from) ? to : undefined
}

/** Undefined: it stays. A rule also serves what lies below its path; the case of a path counts. */
function rewritePath(value: string, { from, to }: Replacement): string | undefined {
  if (from === '*' || value === from) return to
  const base = from.replace(/\/$/, '')
  return value.startsWith(`${base}/`) ? to.replace(/\/$/, '') + value.slice(base.length) : undefined
}
