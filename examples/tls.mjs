// HTTPS with HTTP/2 in front, and TLS to the server behind. It needs a certificate in the folder where it is started:
//
//   openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj /CN=localhost -addext subjectAltName=DNS:localhost -keyout key.pem -out cert.pem
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import http2 from 'node:http2'
import https from 'node:https'
import { createProxy } from 'pointsman'

if (!existsSync('cert.pem')) {
  console.error('There is no cert.pem here. The first lines of this program tell how to make one.')
  process.exit(1)
}
const cert = readFileSync('cert.pem')
const key = readFileSync('key.pem')

const upstream = https.createServer({ cert, key }, (req, res) => {
  res.end(`The client came by ${req.headers['x-forwarded-proto']} to ${req.headers['x-forwarded-host']}\n`)
})
upstream.listen(0, 'localhost')
await once(upstream, 'listening')

const proxy = createProxy({
  entries: [
    {
      match: '/*',
      serverList: `https://localhost:${upstream.address().port}`,
      upstreamCA: 'cert.pem', // The server's certificate must be signed by this one; here it is the same.
    },
  ],
})

const server = http2.createSecureServer({ cert, key, allowHTTP1: true }, proxy)
proxy.attach(server) // WebSockets, over HTTP/1.1 and HTTP/2.
server.listen(process.env.PORT ?? 8443, 'localhost')
await once(server, 'listening')

const { port } = server.address()
console.log(`Listening on https://localhost:${port}
  curl --cacert cert.pem https://localhost:${port}/
  curl --cacert cert.pem https://localhost:${port}/ --http1.1`)
