/**
 * Fields that concern one connection and go no further (RFC 9110 §7.6.1). `TE` is among them too, but for `trailers`.
 * `Upgrade` and `Connection` are written anew where a protocol is changed.
 */

import { isFieldValue } from '../config/tokens.js'

export const hopByHop: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'te',
  'transfer-encoding',
  'upgrade',
  'proxy-authenticate',
  'proxy-authorization',
  'http2-settings',
])

/** Whether a field (in lower case) goes no further; `named` are the ones that `Connection` names. */
export function isHopByHop(lowerName: string, named: ReadonlySet<string> | undefined): boolean {
  return hopByHop.has(lowerName) || (named?.has(lowerName) ?? false)
}

/**
 * What the `Connection` fields name beside the usual `close`, `keep-alive`, `upgrade`; undefined for nothing. Fields
 * that decide about framing and routing cannot be taken out of a message in this way.
 */
export function namedByConnection(raw: readonly string[]): ReadonlySet<string> | undefined {
  let named: Set<string> | undefined
  for (let i = 0; i < raw.length; i += 2) {
    if (raw[i]?.length !== 10 || raw[i]?.toLowerCase() !== 'connection') continue
    for (const token of (raw[i + 1] ?? '').toLowerCase().split(',')) {
      const name = token.trim()
      if (name === '' || name === 'close' || name === 'keep-alive' || protectedFields.has(name)) continue
      named ??= new Set()
      named.add(name)
    }
  }
  return named
}

const protectedFields: ReadonlySet<string> = new Set(['host', 'content-length', 'content-type', 'via', 'forwarded'])

/** Fields that are not allowed in trailers (RFC 9110 §6.5.1), so that nobody can change a message after its head. */
const notInTrailers: ReadonlySet<string> = new Set([
  ...hopByHop,
  'host',
  'content-length',
  'content-encoding',
  'content-type',
  'content-range',
  'trailer',
  'authorization',
  'cookie',
  'set-cookie',
  'expect',
  'cache-control',
  'max-forwards',
  'range',
  'via',
])

/** The trailers that may be passed on. A lenient parser lets values through that no field may have. */
export function endToEndTrailers(raw: readonly string[]): readonly string[] {
  if (raw.length === 0) return raw
  const kept: string[] = []
  for (let i = 0; i < raw.length; i += 2) {
    const [name, value] = [raw[i] as string, raw[i + 1] as string]
    if (!notInTrailers.has(name.toLowerCase()) && isFieldValue(value)) kept.push(name, value)
  }
  return kept
}
