import { readingsOf } from './readings.js'

/** A request target, taken apart. */
export interface Target {
  /** The path as the client sent it; `/` for an absolute target without one, `*` for `OPTIONS *`. */
  readonly rawPath: string
  /** From `?` on, as the client sent it; empty without. */
  readonly query: string
  /** The path that patterns see: decoded once, doubled slashes merged, `.` and `..` resolved. */
  readonly path: string
  /** What else the path may mean to a server; empty for nearly every request. See `readings.ts`. */
  readonly readings: readonly string[]
  /** Host and port of an absolute target, which stand in place of the `Host` header (RFC 9112 §3.2.2). */
  readonly host: string | undefined
}

const none: readonly string[] = []
const asterisk: Target = { rawPath: '*', query: '', path: '*', readings: none, host: undefined }

/**
 * Takes a request target apart (RFC 9112 §3.2): `/path?query`, `http://host/path?query` or `*`. Anything else, and any
 * target with a space or control character, is malformed: `undefined`, which a client is answered with 400.
 */
export function parseTarget(raw: string): Target | undefined {
  if (raw.charCodeAt(0) === 47) return parseOrigin(raw, undefined)
  return raw === '*' ? asterisk : parseAbsolute(raw)
}

function parseOrigin(raw: string, host: string | undefined): Target | undefined {
  const { length } = raw
  let queryAt = length
  // No escape, backslash, fragment, byte above ASCII, `//` or `/.`: the path is normal as it stands.
  let plain = true
  let previous = 0
  for (let index = 0; index < length; index++) {
    const code = raw.charCodeAt(index)
    if (code <= 32 || code === 127) return undefined
    if (queryAt < length) continue
    if (code === 63) queryAt = index
    else if (code === 37 || code === 92 || code === 35 || code > 127) plain = false
    else if (previous === 47 && (code === 47 || code === 46)) plain = false
    previous = code
  }
  const rawPath = queryAt === length ? raw : raw.slice(0, queryAt)
  const query = queryAt === length ? '' : raw.slice(queryAt)
  if (plain) return { rawPath, query, path: rawPath, readings: none, host }
  const [path = '/', ...readings] = readingsOf(rawPath)
  return { rawPath, query, path, readings: readings.length === 0 ? none : readings, host }
}

/** `user@` is refused: it is there to deceive (RFC 9110 §4.2.4). */
const absolute = /^[a-z][a-z0-9+.-]*:\/\/((?:\[[0-9a-f:.]+\]|[\w.~!$&'()*+,;=%-]+)(?::\d*)?)(?=[/?#]|$)/i

function parseAbsolute(raw: string): Target | undefined {
  const [start, host] = absolute.exec(raw) ?? []
  if (start === undefined) return undefined
  const rest = raw.slice(start.length)
  return parseOrigin(rest.startsWith('/') ? rest : `/${rest}`, host)
}
