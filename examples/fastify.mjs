// A Fastify app: the proxy is asked before Fastify reads a body, and what no entry matches goes on to the routes.
import { once } from 'node:events'
import http from 'node:http'
import fastify from 'fastify'
import { createProxy } from 'pointsman'
import fastifyProxy from 'pointsman/fastify'

const proxy = createProxy({
  entries: [{ match: '/api/*', serverList: [await startServer('one'), await startServer('two')], stripPrefix: '/api' }],
})

const app = fastify()
app.register(fastifyProxy, { proxy })
app.get('/', async () => 'The app itself.\n')
app.post('/greet', async (request) => ({ hello: request.body.name }))

// Fastify stops taking requests first; then the proxy ends its own.
app.addHook('onClose', () => proxy.close())

const address = await app.listen({ port: Number(process.env.PORT ?? 8080), host: '127.0.0.1' })
console.log(`Listening on ${address}
  curl ${address}/
  curl ${address}/greet -d '{"name":"Ada"}' -H 'Content-Type: application/json'
  curl ${address}/api/users -d '{"name":"Ada"}' -H 'Content-Type: application/json'`)

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
