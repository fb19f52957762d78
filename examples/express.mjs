// An Express app with a route of its own, and a proxy whose rules are in a file: express.conf.
import { once } from 'node:events'
import http from 'node:http'
import { fileURLToPath } from 'node:url'
import express from 'express'
import { createProxy } from 'pointsman'

// The file names its servers by these variables.
process.env.API_ONE = await startServer('api one')
process.env.API_TWO = await startServer('api two')
process.env.PAGES = await startServer('pages')

const proxy = createProxy(fileURLToPath(new URL('express.conf', import.meta.url)))

const app = express()
app.use(proxy) // Before express.json(): bodies then stream through.
app.use(express.json())
app.get('/', (_req, res) => res.send('The app itself.\n'))

const server = app.listen(process.env.PORT ?? 8080, '127.0.0.1')
proxy.attach(server)
await once(server, 'listening')

const { port } = server.address()
console.log(`Listening on http://127.0.0.1:${port}
  curl http://127.0.0.1:${port}/
  curl http://127.0.0.1:${port}/api/users         # twice: two servers take turns
  curl http://127.0.0.1:${port}/api/users -d '{"name":"Ada"}' -H 'Content-Type: application/json'
  curl -i http://127.0.0.1:${port}/index.html     # its first server is down
  open http://127.0.0.1:${port}/proxy-status`)

/** A server to stand behind the proxy, on any free port. It tells what it got. */
async function startServer(name) {
  const upstream = http.createServer(async (req, res) => {
    const body = Buffer.concat(await req.toArray())
    res.end(`Server ${name} got ${req.method} ${req.url} ${body}\n`)
  })
  upstream.listen(0, '127.0.0.1')
  await once(upstream, 'listening')
  return `127.0.0.1:${upstream.address().port}`
}
