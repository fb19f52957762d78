import { createServer } from 'node:http'
import express from 'express'
import { createProxyMiddleware } from 'http-proxy-middleware'
import { keepAliveAgent, listen, target } from './serve.mjs'

const proxy = createProxyMiddleware({ target, agent: keepAliveAgent() })
const app = express()
app.use(proxy)
const server = createServer(app)
server.on('upgrade', proxy.upgrade)
listen(server)
