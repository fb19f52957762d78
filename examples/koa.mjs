// A Koa app: middleware before the proxy sees every request, what no entry matches goes on to the middleware behind it.
import { once } from 'node:events'
import http from 'node:http'
import Koa from 'koa'
import { createProxy } from 'pointsman'
import koaProxy from 'pointsman/koa'

const proxy = createProxy({
  entries: [{ match: '/api/*', serverList: [await startServer('one'), await startServer('two')] }],
})

const app = new Koa()
app.use(async (ctx, next) => {
  const start = performance.now()
  await next() // Of a proxied request: until its answer is complete.
  console.log(`${ctx.method} ${ctx.url} ${ctx.res.statusCode} ${Math.round(performance.now() - start)} ms`)
})
app.use(koaProxy(proxy))
app.use((ctx) => {
  ctx.body = 'The app itself.\n'
})

const server = app.listen(process.env.PORT ?? 8080, '127.0.0.1')
proxy.attach(server) // WebSockets too.
await once(server, 'listening')

const { port } = server.address()
console.log(`Listening on http://127.0.0.1:${port}
  curl http://127.0.0.1:${port}/
  curl http://127.0.0.1:${port}/api/users -d '{"name":"Ada"}' -H 'Content-Type: application/json'`)

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
