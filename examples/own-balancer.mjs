// A balancer of one's own: servers in the zone that the client asks for come first, in turn; others stand in.
import { once } from 'node:events'
import http from 'node:http'
import { createProxy, registerBalancer } from 'pointsman'

const zones = {
  [await startServer('oslo 1')]: 'oslo',
  [await startServer('oslo 2')]: 'oslo',
  [await startServer('rome 1')]: 'rome',
  // Nothing listens here.
  'http://127.0.0.1:1': 'bern',
}

registerBalancer('Same-Zone', () => {
  let turn = 0
  return {
    // The pool hands over those servers that are up and not yet tried for this request, in the order of the list.
    pick(candidates, request) {
      const near = candidates.filter((server) => zones[server.id] === request.hashKey())
      const eligible = near.length > 0 ? near : candidates
      return eligible[turn++ % eligible.length]
    },
  }
})

const proxy = createProxy({
  entries: [
    {
      match: '/*',
      serverList: Object.keys(zones),
      loadBalance: 'Same-Zone',
      hashKey: 'header:X-Zone', // What request.hashKey() gives.
    },
  ],
})

const server = http.createServer(proxy)
server.listen(process.env.PORT ?? 8080, '127.0.0.1')
await once(server, 'listening')

const { port } = server.address()
console.log(`Listening on http://127.0.0.1:${port}
  curl http://127.0.0.1:${port}/ -H 'X-Zone: oslo'     # twice: both servers in turn
  curl http://127.0.0.1:${port}/ -H 'X-Zone: rome'
  curl http://127.0.0.1:${port}/ -H 'X-Zone: bern'     # its server is down: another zone answers`)

/** A server to stand behind the proxy, on any free port. */
async function startServer(name) {
  const upstream = http.createServer((_req, res) => res.end(`This is ${name}.\n`))
  upstream.listen(0, '127.0.0.1')
  await once(upstream, 'listening')
  return `http://127.0.0.1:${upstream.address().port}`
}
