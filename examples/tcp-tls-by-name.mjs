// TLS by the name that a client asks for (SNI), without decrypting anything: the servers behind keep their keys. They need
// a certificate in the folder where this is started:
//
//   openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj /CN=localhost -addext subjectAltName=DNS:one.test,DNS:two.test -keyout key.pem -out cert.pem
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import https from 'node:https'
import { createTcpPool, createTcpRouter, routeByServerName } from 'pointsman/tcp'

if (!existsSync('cert.pem')) {
  console.error('There is no cert.pem here. The first lines of this program tell how to make one.')
  process.exit(1)
}
const cert = readFileSync('cert.pem')
const key = readFileSync('key.pem')

const router = createTcpRouter(
  routeByServerName({
    'one.test': await startServer('one'),
    // In turn, by the balancers that HTTP has too. Nothing listens at port 1.
    'two.test': createTcpPool({ serverList: [await startServer('two a'), '127.0.0.1:1', await startServer('two b')] }),
  }),
)
router.on('connectError', (remote, error) => console.log(`${remote}: ${error.message}`))
const { port } = await router.listen(Number(process.env.PORT ?? 8443), '127.0.0.1')

console.log(`Listening on https://127.0.0.1:${port}
  curl --cacert cert.pem --resolve one.test:${port}:127.0.0.1 https://one.test:${port}/
  curl --cacert cert.pem --resolve two.test:${port}:127.0.0.1 https://two.test:${port}/    # twice: both servers in turn`)

process.once('SIGTERM', () => router.close())

/** A server that speaks TLS, on any free port. */
async function startServer(name) {
  const server = https.createServer({ cert, key }, (_req, res) => res.end(`This is ${name}.\n`))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  server.unref()
  return `127.0.0.1:${server.address().port}`
}
