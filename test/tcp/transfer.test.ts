import assert from 'node:assert/strict'
import { fork } from 'node:child_process'
import { createHash, type Hash } from 'node:crypto'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { seededRandom } from '../support/random.js'
import { rig, server } from '../support/tcp.js'
import { eventually, within } from '../support/wire.js'

const patience = 60_000

/** Sends `size` bytes in parts of all sizes, and ends; returns their checksum. */
async function send(socket: Socket, size: number, seed: number): Promise<string> {
  const random = seededRandom(seed)
  const block = random.bytes(200_000)
  const hash = createHash('sha256')
  for (let rest = size; rest > 0; ) {
    const from = Math.floor(random.next() * 100_000)
    const part = block.subarray(from, from + Math.min(rest, 1 + Math.floor(random.next() * 100_000)))
    hash.update(part)
    rest -= part.length
    if (!socket.write(part)) await once(socket, 'drain')
  }
  socket.end()
  return hash.digest('hex')
}

/** Takes everything; returns its checksum. */
function receive(socket: Socket): Promise<string> {
  const hash: Hash = createHash('sha256')
  socket.on('data', (chunk) => hash.update(chunk))
  return once(socket, 'end').then(() => hash.digest('hex'))
}

test('both ways at once nothing is lost, and memory does not grow', async (t) => {
  const size = 128 * 2 ** 20
  let atServer: Promise<[string, string]> | undefined
  const { address } = await server(t, (socket) => {
    atServer = Promise.all([receive(socket), send(socket, size, 1)])
  })
  const child = fork(fileURLToPath(new URL('../support/tcp-process.js', import.meta.url)), [address])
  t.after(() => child.kill('SIGKILL'))
  const [{ port }] = (await once(child, 'message')) as [{ port: number }]
  const peak = async (): Promise<number> => {
    child.send('reset')
    const [message] = (await once(child, 'message')) as [{ peak: number }]
    return message.peak
  }
  await peak()
  const before = await peak()
  const client = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  const [got, sent] = await within(Promise.all([receive(client), send(client, size, 2)]), 'the bytes', patience)
  const [gotAtServer, sentByServer] = await within(atServer!, 'the bytes at the server', patience)
  assert.equal(got, sentByServer)
  assert.equal(gotAtServer, sent)
  const growth = ((await peak()) - before) / 2 ** 20
  assert.ok(growth < 32, `the resident memory grew by ${growth.toFixed(1)} MiB`)
})

test('whoever listens to the data of a connection too keeps what it gets', async (t) => {
  const size = 4 * 2 ** 20
  const { address } = await server(t, (socket) => {
    socket.resume()
    socket.on('end', () => socket.end('thanks'))
  })
  const { router, port } = await rig(t, () => ({ remote: address }))
  const kept: Buffer[] = []
  router.on('connection', ({ socket }) => socket.on('data', (chunk) => kept.push(chunk)))
  const client = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  const sent = send(client, size, 3)
  client.resume()
  await within(once(client, 'end'), 'the answer')
  const hash = createHash('sha256')
  for (const chunk of kept) hash.update(chunk)
  assert.equal(hash.digest('hex'), await sent)
})

test('a hundred connections at once do not mix', async (t) => {
  const { address } = await server(t, (socket) => {
    socket.pipe(socket)
  })
  const { router, port } = await rig(t, () => ({ remote: address }))
  const transfers = Array.from({ length: 100 }, async (_, index) => {
    const client = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
    const [got, sent] = await Promise.all([receive(client), send(client, 300_000, index)])
    assert.equal(got, sent)
  })
  await within(Promise.all(transfers), 'all of them', patience)
  await eventually(() => router.counts.current === 0, 'their ends')
  assert.equal(router.counts.total, 100)
})
