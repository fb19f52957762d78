/** The request target as it goes to the server: the client's own, byte for byte, unless the entry rewrites it. */

import type { ForwardOptions } from './options.js'

/** What is known of the target that the client sent. */
export interface ClientTarget {
  /** The path as it was sent. */
  readonly rawPath: string
  /** From `?` on; empty without. */
  readonly query: string
  /** The path decoded and normalised, as it was matched. */
  readonly path: string
}

export function requestTarget({ rawPath, query, path }: ClientTarget, options: ForwardOptions): string {
  const { stripPrefix, addPrefix, rewritePath } = options
  let result = rawPath
  if (stripPrefix !== undefined) result = withoutPrefix(rawPath, path, stripPrefix)
  for (const { from, to } of rewritePath) result = result.replace(from, to)
  if (addPrefix !== undefined && result !== '*') result = addPrefix.replace(/\/$/, '') + withSlash(result)
  return (result === rawPath ? rawPath : withSlash(result)) + query
}

function withoutPrefix(rawPath: string, path: string, prefix: string): string {
  const base = prefix.replace(/\/$/, '')
  if (startsWithSegment(rawPath, base)) return withSlash(rawPath.slice(base.length))
  // The prefix was sent in another spelling (`/%61pi/x`, `/x/../api/x`): cut it from the path that was matched.
  if (startsWithSegment(path, base)) return withSlash(encode(path.slice(base.length)))
  return rawPath
}

function startsWithSegment(path: string, base: string): boolean {
  return path.startsWith(base) && (path.length === base.length || path[base.length] === '/')
}

function encode(path: string): string {
  return encodeURI(path).replace(/[?#]/g, encodeURIComponent)
}

function withSlash(path: string): string {
  return path.startsWith('/') ? path : `/${path}`
}
