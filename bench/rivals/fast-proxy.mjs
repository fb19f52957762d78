import { createServer } from 'node:http'
import fastProxy from 'fast-proxy'
import { listen, target } from './serve.mjs'

// Its fastest way: undici in place of http.request, with as many connections as there are clients.
const { proxy } = fastProxy({ base: target, undici: { connections: 128, pipelining: 1 } })
listen(createServer((req, res) => proxy(req, res, req.url, {})))
