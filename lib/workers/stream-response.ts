/** The heads of an application's answers, as HTTP/2 has them. */

import type { OutgoingHttpHeaders, ServerHttp2Stream, ServerStreamResponseOptions } from 'node:http2'
import { isHopByHop, namedByConnection } from '../forward/hop-by-hop.js'
import type { RawHeaders } from '../transports/transport.js'

/** Fields by name, without those of the connection. `status`: undefined for trailers. */
export function streamFields(raw: RawHeaders, status: number | undefined): OutgoingHttpHeaders {
  const named = namedByConnection(raw)
  const fields: OutgoingHttpHeaders = Object.create(null)
  if (status !== undefined) fields[':status'] = status
  for (let i = 0; i < raw.length; i += 2) {
    const name = (raw[i] as string).toLowerCase()
    if (isHopByHop(name, named)) continue
    const value = raw[i + 1] as string
    const known = fields[name] as string | string[] | undefined
    fields[name] = known === undefined ? value : [known, value].flat()
  }
  return fields
}

/** Sends a head; throws what Node throws for one that HTTP/2 cannot carry. */
export function respond(
  stream: ServerHttp2Stream,
  fields: OutgoingHttpHeaders,
  options: ServerStreamResponseOptions,
): void {
  try {
    stream.respond(fields, options)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_HTTP2_HEADER_SINGLE_VALUE') throw error
    // Node refuses several fields of some names; in one field they mean the same (RFC 9110 §5.3).
    for (const [name, value] of Object.entries(fields)) {
      if (Array.isArray(value) && name !== 'set-cookie') fields[name] = value.join(', ')
    }
    stream.respond(fields, options)
  }
}

/** The head says how long the body is. */
export function hasLength(raw: RawHeaders): boolean {
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i] as string
    if (name.length === 14 && name.toLowerCase() === 'content-length') return true
  }
  return false
}
