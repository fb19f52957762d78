/** Reading responses. */

import { parseFields, parseStatusLine } from '../../dist/transports/http1/fields.js'
import { ResponseParser } from '../../dist/transports/http1/response-parser.js'

const small = [
  'HTTP/1.1 200 OK',
  'Server: nginx/1.22.1',
  'Date: Mon, 01 Jan 2024 00:00:00 GMT',
  'Content-Type: text/plain',
  'Content-Length: 128',
  'Connection: keep-alive',
]
const large = [
  ...small,
  'Cache-Control: private, no-cache, no-store, must-revalidate',
  "Content-Security-Policy: default-src 'self'; img-src * data:; script-src 'self' https://cdn.example.com",
  'Strict-Transport-Security: max-age=31536000; includeSubDomains; preload',
  'ETag: "5f8b2c1d-1a2b3c"',
  'Last-Modified: Sun, 31 Dec 2023 23:59:59 GMT',
  'Vary: Accept-Encoding, Accept-Language, Cookie',
  'X-Content-Type-Options: nosniff',
  'X-Frame-Options: SAMEORIGIN',
  'X-Request-Id: 6f1c2b7e-8f0a-4f4e-9b57-0d1f2e3c4b5a',
  'Referrer-Policy: strict-origin-when-cross-origin',
  'Set-Cookie: session=3f2a9c7d5e1b4a8f; Path=/; HttpOnly; Secure; SameSite=Lax',
  'Set-Cookie: theme=dark; Path=/; Max-Age=31536000',
  'Access-Control-Allow-Origin: https://app.example.com',
  'Access-Control-Allow-Credentials: true',
]
const body = 'x'.repeat(128)
const chunked = `${small.filter((line) => !line.startsWith('Content-Length')).join('\r\n')}\r\nTransfer-Encoding: chunked\r\n\r\n`

/** @returns {import('./loop.mjs').Operation[]} */
export function headOperations() {
  const whole = Buffer.from(`${small.join('\r\n')}\r\n\r\n${body}`)
  return [
    head('a head of 5 fields', small),
    head('a head of 19 fields', large),
    response('a response of 5 fields and 128 bytes', [whole]),
    response('the same, cut in the head', [whole.subarray(0, 60), whole.subarray(60)]),
    response('the same, chunked', [Buffer.from(`${chunked}80\r\n${body}\r\n0\r\n\r\n`)]),
    response('a response of 19 fields and 128 bytes', [Buffer.from(`${large.join('\r\n')}\r\n\r\n${body}`)]),
  ]
}

/** @returns {import('./loop.mjs').Operation} */
function head(name, lines) {
  const text = lines.join('\r\n')
  return {
    name,
    run(times) {
      for (let i = 0; i < times; i++) parseFields(text, parseStatusLine(text).next)
    },
  }
}

/** @returns {import('./loop.mjs').Operation} */
function response(name, chunks) {
  let completed = 0
  const parser = new ResponseParser({
    informational() {},
    head() {},
    body() {},
    complete() {
      completed++
    },
  })
  return {
    name,
    run(times) {
      completed = 0
      for (let i = 0; i < times; i++) {
        parser.expect('GET')
        for (const chunk of chunks) parser.execute(chunk)
      }
      if (completed !== times) throw new Error(`${name}: ${completed} of ${times} were complete`)
    },
  }
}
