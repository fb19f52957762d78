import { createServer } from 'node:http'
import { createProxyServer } from 'httpxy'
import { answerFailure, keepAliveAgent, listen, target } from './serve.mjs'

const proxy = createProxyServer({ target, agent: keepAliveAgent() })
proxy.on('error', answerFailure)
const server = createServer((req, res) => proxy.web(req, res))
server.on('upgrade', (req, socket, head) => proxy.ws(req, socket, undefined, head))
listen(server)
