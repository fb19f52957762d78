/**
 * One large body, whose reader stops for a second after the first megabyte: what the sender has sent by then has to
 * wait at the sender, not in the proxy.
 *
 *     node body.mjs PORT BYTES down|up
 *
 * Says `seconds` without the pause, or ends with an error.
 */

import { once } from 'node:events'
import { request } from 'node:http'

const port = Number(process.argv[2])
const bytes = Number(process.argv[3])
const upload = process.argv[4] === 'up'
const pause = 1000

const begin = performance.now()
const req = request({
  port,
  host: '127.0.0.1',
  path: upload ? '/sink' : '/1g',
  method: upload ? 'POST' : 'GET',
  headers: upload ? { 'content-length': bytes } : { range: `bytes=0-${bytes - 1}` },
  agent: false,
})
const answered = once(req, 'response')
if (upload) await send()
else req.end()
const [res] = await answered
const received = await read(res)
// A sink tells what it got; otherwise it is we who got it.
const passed = upload ? Number(res.headers['x-received']) : received
if (!(res.statusCode === 200 || res.statusCode === 206) || passed !== bytes) {
  throw new Error(`the answer is ${res.statusCode}, after ${passed} of ${bytes} bytes`)
}
process.send?.({ seconds: (performance.now() - begin - pause) / 1000 })
process.disconnect?.()

async function send() {
  const chunk = Buffer.alloc(64 * 1024, 'x')
  for (let rest = bytes; rest > 0; rest -= chunk.length) {
    if (!req.write(rest < chunk.length ? chunk.subarray(0, rest) : chunk)) await once(req, 'drain')
  }
  req.end()
}

async function read(stream) {
  let count = 0
  let paused = false
  for await (const chunk of stream) {
    count += chunk.length
    if (paused || upload || count < 2 ** 20) continue
    paused = true
    await new Promise((resolve) => setTimeout(resolve, pause))
  }
  return count
}
