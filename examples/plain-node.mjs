// A proxy as the request handler of a plain Node server. Three servers take turns; nothing listens at the first one, so
// its requests go on to the next server, and after two failures it is left alone for a while.
import { once } from 'node:events'
import http from 'node:http'
import { createProxy } from 'pointsman'

const proxy = createProxy({
  entries: [{ match: '/*', serverList: ['127.0.0.1:1', await startServer('one'), await startServer('two')] }],
})

const server = http.createServer(proxy)
proxy.attach(server) // WebSockets too.
server.listen(process.env.PORT ?? 8080, '127.0.0.1')
await once(server, 'listening')

const { port } = server.address()
console.log(`Listening on http://127.0.0.1:${port}
  curl http://127.0.0.1:${port}/       # several times: the servers take turns
Ctrl-C ends it, after the requests that are under way.`)

for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, async () => {
    server.close()
    await proxy.close({ timeout: 10_000 })
    process.exit()
  })
}

/** A server to stand behind the proxy, on any free port. */
async function startServer(name) {
  const upstream = http.createServer((_req, res) => res.end(`This is server ${name}.\n`))
  upstream.listen(0, '127.0.0.1')
  await once(upstream, 'listening')
  return `127.0.0.1:${upstream.address().port}`
}
