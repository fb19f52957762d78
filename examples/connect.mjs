// A Connect app: what no entry matches goes on to the app's own handlers.
import { once } from 'node:events'
import http from 'node:http'
import connect from 'connect'
import { createProxy } from 'pointsman'

const proxy = createProxy({
  defaults: { loadBalance: 'First-Alive' },
  entries: [
    { name: 'scripts', match: '/*.php', serverList: await startServer('scripts') },
    { name: 'images', match: ['/*.jpg', '/*.png'], serverList: await startServer('images') },
  ],
})

const app = connect()
app.use(proxy)
app.use((req, res) => res.end(`The app itself answers ${req.url}\n`))

const server = http.createServer(app)
proxy.attach(server)
server.listen(process.env.PORT ?? 8080, '127.0.0.1')
await once(server, 'listening')

const { port } = server.address()
console.log(`Listening on http://127.0.0.1:${port}
  curl http://127.0.0.1:${port}/shop/index.php
  curl http://127.0.0.1:${port}/logo.png
  curl http://127.0.0.1:${port}/about`)

/** A server to stand behind the proxy, on any free port. */
async function startServer(name) {
  const upstream = http.createServer((req, res) => res.end(`Server ${name} got ${req.url}\n`))
  upstream.listen(0, '127.0.0.1')
  await once(upstream, 'listening')
  return `127.0.0.1:${upstream.address().port}`
}
