/** A Node server that answers by itself: what anything behind Node's HTTP server costs at least. */

import { createServer } from 'node:http'
import { bodySizes, smallBody } from '../harness/upstream.mjs'
import { listen } from './serve.mjs'

const bodies = new Map([
  ['/64k', Buffer.alloc(bodySizes['/64k'], 'x')],
  ['/1m', Buffer.alloc(bodySizes['/1m'], 'x')],
])

listen(
  createServer((req, res) => {
    const body = bodies.get(req.url ?? '') ?? smallBody
    const answer = () => {
      res.writeHead(200, { 'Content-Type': 'text/plain', 'Content-Length': body.length })
      res.end(body)
    }
    if (req.method === 'POST') req.resume().once('end', answer)
    else answer()
  }),
)
