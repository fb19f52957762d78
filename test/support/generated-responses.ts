/** Responses that are generated, right and wrong ones, always the same for the same seed. */

import { type Random, randomBelow } from '#lib/random.js'

export interface GeneratedResponse {
  readonly method: string
  readonly bytes: Buffer
  /** Nothing was changed about it: every reader takes it. */
  readonly sound: boolean
}

const names = [
  'Content-Type',
  'X-One',
  'Set-Cookie',
  'ETag',
  'cache-control',
  'Server',
  'X-Empty',
  'Keep-Alive',
  'Date',
]
const values = [
  'a',
  'text/plain; charset=utf-8',
  '',
  'a=1; Path=/',
  '"x"',
  'timeout=5',
  'caf\xe9',
  'a,b,  c',
  '\ttabs\t',
]
const spoilers = [
  '\r',
  '\n',
  '\r\n',
  '\r\n\r\n',
  ' ',
  '\t',
  ':',
  ';',
  '\0',
  '\x7f',
  '\x80',
  '0',
  'f',
  '-',
  '+',
  ',',
  'HTTP/1.1 200 OK\r\n',
]
const lines = [
  'Content-Length: 3\r\n',
  'Content-Length: 3, 3\r\n',
  'Transfer-Encoding: chunked\r\n',
  'Transfer-Encoding: gzip, chunked\r\n',
  'Transfer-Encoding: identity\r\n',
  'Connection: close\r\n',
  ' folded\r\n',
  'No colon\r\n',
  'Space : before\r\n',
  ': no name\r\n',
]

export function generateResponse(random: Random): GeneratedResponse {
  const pick = <T>(items: readonly T[]): T => items[randomBelow(random, items.length)] as T
  const chance = (part: number): boolean => random.next() < part
  const method = chance(0.1) ? 'HEAD' : 'GET'
  let text = ''
  if (chance(0.15)) text += pick(['HTTP/1.1 100 Continue\r\n\r\n', 'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n'])
  const status = pick([200, 200, 200, 201, 204, 206, 302, 304, 404, 500, 503])
  const version = chance(0.1) ? '1.0' : '1.1'
  text += `HTTP/${version} ${status}${pick([' OK', ' ', ' Some Reason', ' \xe9t\xe9'])}\r\n`
  for (let i = randomBelow(random, 6); i > 0; i--) text += `${pick(names)}:${pick([' ', '', '  '])}${pick(values)}\r\n`
  const body = Array.from({ length: randomBelow(random, 200) }, () =>
    String.fromCharCode(randomBelow(random, 256)),
  ).join('')
  const bodiless = method === 'HEAD' || status === 204 || status === 304
  const framing = version === '1.0' ? pick(['length', 'close']) : pick(['length', 'chunked', 'chunked', 'close'])
  if (framing === 'length') text += `Content-Length: ${body.length}\r\n\r\n${bodiless ? '' : body}`
  else if (framing === 'chunked') text += `Transfer-Encoding: chunked\r\n\r\n${bodiless ? '' : chunked(body, random)}`
  else text += `\r\n${bodiless ? '' : body}`
  const sound = !chance(0.6)
  return { method, bytes: Buffer.from(sound ? text : spoil(text, random), 'latin1'), sound }
}

/** Cuts bytes into pieces. */
export function cut(bytes: Buffer, random: Random): Buffer[] {
  const pieces: Buffer[] = []
  for (let at = 0; at < bytes.length; ) {
    const size = 1 + randomBelow(random, random.next() < 0.5 ? 5 : 200)
    pieces.push(bytes.subarray(at, at + size))
    at += size
  }
  return pieces
}

function chunked(body: string, random: Random): string {
  let text = ''
  for (let at = 0; at < body.length; ) {
    const part = body.slice(at, at + 1 + randomBelow(random, 80))
    const extension = random.next() < 0.2 ? ';name=value' : ''
    const size =
      random.next() < 0.2 ? part.length.toString(16).toUpperCase().padStart(4, '0') : part.length.toString(16)
    text += `${size}${extension}\r\n${part}\r\n`
    at += part.length
  }
  const trailers = random.next() < 0.3 ? 'X-Trailer: end\r\nX-More: 2\r\n' : ''
  return `${text}0\r\n${trailers}\r\n`
}

function spoil(text: string, random: Random): string {
  let spoilt = text
  for (let times = 1 + randomBelow(random, 3); times > 0; times--) {
    // Mostly in the head, where a difference matters most.
    const end = random.next() < 0.7 ? Math.max(1, spoilt.indexOf('\r\n\r\n')) : spoilt.length
    const at = randomBelow(random, end)
    const piece = spoilers[randomBelow(random, spoilers.length)] as string
    const line = lines[randomBelow(random, lines.length)] as string
    const lineAt = spoilt.indexOf('\r\n', at) + 2
    switch (randomBelow(random, 5)) {
      case 0:
        spoilt = spoilt.slice(0, at) + piece + spoilt.slice(at)
        break
      case 1:
        spoilt = spoilt.slice(0, at) + spoilt.slice(at + 1)
        break
      case 2:
        spoilt = spoilt.slice(0, at) + piece + spoilt.slice(at + piece.length)
        break
      case 3:
        spoilt = spoilt.slice(0, lineAt) + line + spoilt.slice(lineAt)
        break
      default:
        spoilt = spoilt.slice(0, at)
    }
  }
  return spoilt
}
