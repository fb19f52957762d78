// PostgreSQL with its reads apart: one port leads to the primary, the other to the replicas, the one with the fewest
// connections first. PRIMARY and REPLICAS name the servers; without them, stand-ins answer with their names.
import { once } from 'node:events'
import { createServer } from 'node:net'
import { createTcpPool, createTcpRouter } from 'pointsman/tcp'

const { PRIMARY: primary = await startServer('the primary'), REPLICAS: list } = process.env
const replicas = createTcpPool(
  {
    serverList: list ?? [await startServer('replica 1'), await startServer('replica 2')],
    // Reads go to the primary when no replica is there.
    backupList: primary,
    loadBalance: 'Least-Connections',
    healthCheck: true,
    healthInterval: 5,
  },
  { onStateChange: ({ server, to, reason }) => console.log(`${server} is ${to}: ${reason}`) },
)

let writePort = 0
const router = createTcpRouter((_, { localPort }) => ({ remote: localPort === writePort ? primary : replicas }))
router.on('connectError', (remote, error) => console.log(`${remote}: ${error.message}`))
const wanted = Number(process.env.PORT ?? 5432)
writePort = (await router.listen(wanted, '127.0.0.1')).port
const { port: readPort } = await router.listen(wanted === 0 ? 0 : wanted + 1, '127.0.0.1')

console.log(`Listening on tcp://127.0.0.1:${writePort}
  psql -h 127.0.0.1 -p ${writePort} -c 'create table t (a int)'     # the primary
  psql -h 127.0.0.1 -p ${readPort} -c 'select count(*) from t'    # a replica`)

process.once('SIGTERM', () => router.close().then(() => replicas.close()))

/** What stands in for a server: it answers every client with its name, as an error of PostgreSQL, and ends. */
async function startServer(name) {
  const server = createServer((socket) => {
    socket.on('error', () => {})
    socket.on('data', (data) => {
      // First a client asks for TLS (80877103) or GSSAPI (80877104), and is told no; then it begins for real.
      const asked = data.length === 8 ? data.readInt32BE(4) : 0
      if (asked === 80877103 || asked === 80877104) socket.write('N')
      else socket.end(errorResponse(`this is ${name}`))
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  server.unref()
  return `127.0.0.1:${server.address().port}`
}

function errorResponse(message) {
  const fields = Buffer.from(`SFATAL\0VFATAL\0C08004\0M${message}\0\0`)
  const head = Buffer.from('E\0\0\0\0')
  head.writeInt32BE(fields.length + 4, 1)
  return Buffer.concat([head, fields])
}
