// A proxy for SOCKS 4 and 4a. Who may go where is decided before anything is connected; the log tells who went where.
import { once } from 'node:events'
import http from 'node:http'
import { createTcpRouter, routeSocks4 } from 'pointsman/tcp'

const inside = await startServer('the inside')

const route = routeSocks4({
  allow({ host, port, user }) {
    console.log(`${user || 'somebody'} asks for ${host}:${port}`)
    // A name that only this proxy knows; false refuses, true lets the client go where it asks.
    if (host === 'inside.test') return inside
    return host !== 'localhost' && !host.startsWith('127.')
  },
})

const router = createTcpRouter(route, { idleTimeout: 600_000 })
router.on('connectError', (remote, error) => console.log(`${remote}: ${error.message}`))
router.on('error', (error) => console.log(error.message))
const { port } = await router.listen(Number(process.env.PORT ?? 1080), '127.0.0.1')

console.log(`Listening on tcp://127.0.0.1:${port}
  curl --socks4a me@127.0.0.1:${port} http://inside.test/
  curl --socks4a me@127.0.0.1:${port} http://example.org/
  curl --socks4a me@127.0.0.1:${port} http://localhost/      # refused`)

process.once('SIGTERM', () => router.close())

/** A server that only the proxy can name, on any free port. */
async function startServer(name) {
  const server = http.createServer((_req, res) => res.end(`This is ${name}.\n`))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  server.unref()
  return `127.0.0.1:${server.address().port}`
}
