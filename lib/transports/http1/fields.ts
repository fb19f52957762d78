/** Status line and fields of a response (RFC 9112 §4, §5), as strict as Node's parser and a little more. */

import { ProxyError } from '../../errors.js'

export interface StatusLine {
  readonly status: number
  readonly reason: string
  readonly http10: boolean
  /** Where the fields begin. */
  readonly next: number
}

const statusLine = /^HTTP\/1\.([01]) ([1-9]\d\d)(?: ([\t\x20-\x7e\x80-\xff]*))?$/

/** `text` is a head without its empty line. */
export function parseStatusLine(text: string): StatusLine {
  const end = text.indexOf('\r\n')
  const line = end < 0 ? text : text.slice(0, end)
  const match = statusLine.exec(line)
  if (match === null) throw invalid('a malformed status line')
  const next = end < 0 ? text.length : end + 2
  return { status: Number(match[2]), reason: match[3] ?? '', http10: match[1] === '0', next }
}

/** Characters of a field name (RFC 9110 §5.6.2), by code. */
const isTokenChar = new Uint8Array(256)
for (const char of "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") {
  isTokenChar[char.charCodeAt(0)] = 1
}

/** Fields as name, value, name, value …; `text` ends with the last field, without its line break. */
export function parseFields(text: string, start: number): string[] {
  const fields: string[] = []
  const { length } = text
  let at = start
  while (at < length) {
    const nameAt = at
    while (isTokenChar[text.charCodeAt(at)] === 1) at++
    // No space before the colon, no line that goes on from the one before (obs-fold).
    if (at === nameAt || text.charCodeAt(at) !== 58) throw invalid('a malformed header field')
    const name = text.slice(nameAt, at)
    at++
    while (at < length && isSpace(text.charCodeAt(at))) at++
    const valueAt = at
    while (at < length) {
      const code = text.charCodeAt(at)
      if (code < 32 ? code !== 9 : code === 127) break
      at++
    }
    let valueEnd = at
    while (valueEnd > valueAt && isSpace(text.charCodeAt(valueEnd - 1))) valueEnd--
    // Readers do not agree on what a tab around a length or a coding means.
    if (isFraming(name) && text.slice(name.length + nameAt, at).includes('\t')) throw invalid(`a tab in ${name}`)
    fields.push(name, text.slice(valueAt, valueEnd))
    if (at === length) break
    if (text.charCodeAt(at) !== 13 || text.charCodeAt(at + 1) !== 10) throw invalid('a control character in its head')
    at += 2
  }
  return fields
}

function isFraming(name: string): boolean {
  if (name.length !== 14 && name.length !== 17) return false
  const lower = name.toLowerCase()
  return lower === 'content-length' || lower === 'transfer-encoding'
}

function isSpace(code: number): boolean {
  return code === 32 || code === 9
}

function invalid(what: string): ProxyError {
  return new ProxyError('ERR_RESPONSE_INVALID', `the server answered with ${what}`)
}
