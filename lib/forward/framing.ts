/**
 * Whether the head of a request leaves no doubt about where the request ends, and to whom it goes. Node's parser
 * refuses most of this by itself, unless it was told to be lenient; a proxy must not depend on that (RFC 9112 §6.3,
 * §3.2, §11.2).
 */

import type { IncomingMessage } from 'node:http'
import { isFieldValue, isToken } from '../config/tokens.js'
import { ProxyError } from '../errors.js'

/** How the body of a request is framed. */
export interface Framing {
  readonly hasBody: boolean
  /** Bytes, where the head says so. */
  readonly length: number | undefined
}

/** Characters of a host and its port (RFC 3986 §3.2.2); empty where the target has none. */
const hostField = /^[\w.~!$&'()*+,;=%:[\]-]*$/
const noBody: Framing = { hasBody: false, length: undefined }
const emptyBody: Framing = { hasBody: false, length: 0 }
const chunkedBody: Framing = { hasBody: true, length: undefined }

/** Reads and checks the framing, or throws `ERR_BAD_REQUEST`. */
export function requestFraming(req: IncomingMessage): Framing {
  const raw = req.rawHeaders
  let length: string | undefined
  let coding: string | undefined
  let hosts = 0
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i] as string
    const value = raw[i + 1] as string
    if (!isFieldValue(value)) throw bad(`a control character in ${name}`)
    // One reader sees `Content-Length : 5` as a length, another as nothing (RFC 9112 §5.1).
    if (!isToken(name) && req.httpVersionMajor < 2) throw bad(`a field with the name "${name}"`)
    switch (name.length) {
      case 4:
        if (name.toLowerCase() !== 'host') break
        if (++hosts > 1) throw bad('more than one Host')
        if (!hostField.test(value)) throw bad(`a Host of "${value}"`)
        break
      case 14:
        if (name.toLowerCase() !== 'content-length') break
        if (length !== undefined) throw bad('more than one Content-Length')
        length = value
        break
      case 17:
        if (name.toLowerCase() !== 'transfer-encoding') break
        if (coding !== undefined) throw bad('more than one Transfer-Encoding')
        coding = value
    }
  }
  if (coding !== undefined) {
    if (length !== undefined) throw bad('both Content-Length and Transfer-Encoding')
    if (coding.toLowerCase() !== 'chunked') throw bad(`the transfer coding "${coding}"`)
    return chunkedBody
  }
  if (length === undefined) return hasOpenStream(req) ? chunkedBody : noBody
  if (!/^\d{1,15}$/.test(length)) throw bad(`a Content-Length of "${length}"`)
  const bytes = Number(length)
  return bytes === 0 ? emptyBody : { hasBody: true, length: bytes }
}

/** HTTP/2 frames a body by itself: there is one unless the head ended the stream. */
function hasOpenStream(req: IncomingMessage): boolean {
  const { stream } = req as { stream?: { endAfterHeaders?: boolean } }
  return stream !== undefined && stream.endAfterHeaders === false
}

function bad(what: string): ProxyError {
  return new ProxyError('ERR_BAD_REQUEST', `the request has ${what}`)
}
