/** An entry of the access log as a line. Whatever a client sends, it stays one line, and within its quotes. */

import { isUtf8 } from 'node:buffer'
import type { AccessEntry } from './entry.js'
import type { Format } from './options.js'

/** Makes a line, with its line break, of an entry. */
export type LineFormat = (entry: AccessEntry) => string

export function lineFormat(format: Format): LineFormat {
  return format === 'json' ? jsonLine : combinedFormat()
}

/** `192.0.2.1 - - [31/Jan/2024:12:00:00 +0100] "GET / HTTP/1.1" 200 512 "referer" "user agent"`. */
function combinedFormat(): LineFormat {
  // Many requests end in one second, and local time is costly to find out.
  let second = Number.NaN
  let stamp = ''
  return (entry) => {
    const now = Math.floor(entry.time / 1000)
    if (now !== second) {
      second = now
      stamp = localTime(new Date(now * 1000))
    }
    const request = `${escaped(entry.method)} ${escaped(entry.target)} ${escaped(entry.protocol)}`
    const client = entry.client.includes(' ') ? escaped(entry.client).replaceAll(' ', '\\x20') : escaped(entry.client)
    return `${client || '-'} - - [${stamp}] "${request}" ${entry.status} ${entry.bytes ?? '-'} "${escaped(entry.referer) || '-'}" "${escaped(entry.userAgent) || '-'}"\n`
  }
}

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

/** `31/Jan/2024:12:00:00 +0100`. */
function localTime(date: Date): string {
  const two = (number: number): string => String(number).padStart(2, '0')
  const day = `${two(date.getDate())}/${months[date.getMonth()]}/${date.getFullYear()}`
  const time = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`
  const east = -date.getTimezoneOffset()
  const offset = `${two(Math.floor(Math.abs(east) / 60))}${two(Math.abs(east) % 60)}`
  return `${day}:${time} ${east < 0 ? '-' : '+'}${offset}`
}

const unsafe = /[^ !#-[\]-~]/

/** As nginx does: `\xXX` for quotes, backslashes, control characters, and bytes above 126. */
function escaped(text: string): string {
  // Most text needs nothing, and asking is much cheaper than replacing.
  if (!unsafe.test(text)) return text
  return text.replace(/[^ !#-[\]-~]/gu, (sign) => {
    const code = sign.codePointAt(0)!
    // Node gives each byte of a head as one character; what else there is was put there by a program.
    const bytes = code <= 0xff ? [code] : [...Buffer.from(sign)]
    return bytes.map((byte) => `\\x${byte.toString(16).toUpperCase().padStart(2, '0')}`).join('')
  })
}

function jsonLine(entry: AccessEntry): string {
  const line = JSON.stringify({
    time: new Date(entry.time).toISOString(),
    client: entry.client || null,
    method: entry.method,
    target: decoded(entry.target),
    protocol: entry.protocol,
    status: entry.status,
    bytes: entry.bytes ?? null,
    duration: Math.round(entry.duration * 1000) / 1000,
    entry: entry.entry,
    server: entry.server ?? null,
    attempts: entry.attempts,
    error: entry.error ?? null,
    referer: decoded(entry.referer) || null,
    userAgent: decoded(entry.userAgent) || null,
    host: decoded(entry.host) || null,
  })
  // JSON leaves these as they are, but terminals obey some of them, and some programs end a line at others.
  return `${line.replace(/[\u007f-\u009f\u2028\u2029]/g, (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, '0')}`)}\n`
}

/** Node gives each byte of a head as one character: UTF-8, which most clients mean, is put together again. */
function decoded(text: string): string {
  if (!/[\u0080-\u00ff]/.test(text) || /[\u0100-\uffff]/.test(text)) return text
  const bytes = Buffer.from(text, 'latin1')
  return isUtf8(bytes) ? bytes.toString() : text
}
