import { createServer } from 'node:http'
import httpProxy from 'http-proxy'
import { answerFailure, keepAliveAgent, listen, target } from './serve.mjs'

const proxy = httpProxy.createProxyServer({ target, agent: keepAliveAgent() })
proxy.on('error', answerFailure)
const server = createServer((req, res) => proxy.web(req, res))
server.on('upgrade', (req, socket, head) => proxy.ws(req, socket, head))
listen(server)
