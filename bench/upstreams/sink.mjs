/** A server that reads bodies, with a pause of a second after the first megabyte, and tells how long they were. */

import { createServer } from 'node:http'

createServer(async (req, res) => {
  let count = 0
  let paused = false
  for await (const chunk of req) {
    count += chunk.length
    if (paused || count < 2 ** 20) continue
    paused = true
    await new Promise((resolve) => setTimeout(resolve, 1000))
  }
  res.setHeader('X-Received', count)
  res.end()
}).listen(Number(process.argv[2]), '127.0.0.1')
process.once('disconnect', () => process.exit())
