/**
 * A TCP proxy before one server: the product's router, or what anybody would write in two lines.
 *
 *     node tcp.mjs PORT SERVER-PORT router|pipe
 */

import { connect, createServer } from 'node:net'
import { createTcpRouter } from '../../dist/tcp/index.js'

const [port, server] = process.argv.slice(2, 4).map(Number)

if (process.argv[4] === 'router') {
  const router = createTcpRouter(() => ({ remote: `127.0.0.1:${server}` }))
  await router.listen({ port, host: '127.0.0.1', backlog: 4096 })
} else {
  createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    const upstream = connect({ port: server, host: '127.0.0.1', allowHalfOpen: true, noDelay: true })
    client.on('error', () => upstream.destroy())
    upstream.on('error', () => client.destroy())
    client.pipe(upstream)
    upstream.pipe(client)
  }).listen({ port, host: '127.0.0.1', backlog: 4096 })
}
process.once('disconnect', () => process.exit())
