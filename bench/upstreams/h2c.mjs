/** A server of HTTP/2 without TLS at the port of its argument, which answers everything with the small body of nginx. */

import { createServer } from 'node:http2'
import { smallBody } from '../harness/upstream.mjs'

const server = createServer()
server.on('stream', (stream) => {
  stream.respond({ ':status': 200, 'content-type': 'text/plain', 'content-length': smallBody.length })
  stream.end(smallBody)
})
server.listen(Number(process.argv[2]), '127.0.0.1')
