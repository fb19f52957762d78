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

test('a break that comes together with the last bytes is passed on as one, and not as an end', async (t) => {
  const { address } = await server(t, (socket) => {
    socket.once('data', () => socket.write('half of it', () => socket.resetAndDestroy()))
  })
  const { summaries, port } = await rig(t, () => ({ remote: address }))
  const client = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  client.resume()
  client.on('error', () => {})
  client.write('go')
  await eventually(() => summaries.length === 1, 'the end of both')
  const { error, sent } = summaries[0]!
  assert.equal((error as { code?: string } | undefined)?.code, 'ERR_TCP_BROKEN')
  assert.equal(sent, 10)
  // This end too may take the break for an end, until it writes.
  const failed = new Promise((resolve) => client.write('more', resolve))
  assert.ok((await within(failed, 'the break')) instanceof Error)
})

test('a client that breaks off right behind its first bytes is passed on as broken', async (t) => {
  const ends: string[] = []
  const { address } = await server(t, (socket) => {
    socket.on('end', () => socket.write('', (error) => ends.push(error ? 'broken' : 'ended')))
    socket.on('close', (hadError) => ends.push(hadError ? 'broken' : 'closed'))
    socket.resume()
  })
  let decide = (_: { remote: string }): void => {}
  const { connections, summaries, port } = await rig(t, () => new Promise((resolve) => (decide = resolve)))
  const client = connect({ port, host: '127.0.0.1' })
  client.write('a whole request', () => client.resetAndDestroy())
  await eventually(() => connections[0]?.socket.bytesRead === 15, 'the request')
  decide({ remote: address })
  await eventually(() => summaries.length === 1, 'the end of both')
  assert.equal((summaries[0]!.error as { code?: string } | undefined)?.code, 'ERR_TCP_BROKEN')
  assert.ok(!ends.includes('ended'), ends.join())
})

test('a server that closes after its answer, and breaks off for what comes then, has its answer read to the end', async (t) => {
  const size = 600_000
  const { address, open } = await server(t, (socket) => {
    socket.once('data', () => socket.end(Buffer.alloc(size), () => socket.destroy()))
  })
  const { connections, summaries, port } = await rig(t, () => ({ remote: address }))
  const client = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  t.after(() => client.destroy())
  client.write('go')
  await eventually(() => connections[0]?.socket.writableEnded === true && open.size === 0, 'the end of the server')
  // The first of them is answered by a break, which fails the second.
  for (let times = 0; times < 2; times++) {
    const { bytesRead } = connections[0]!.socket
    client.write('more')
    await eventually(() => connections[0]!.socket.bytesRead > bytesRead, 'the bytes to arrive')
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  let got = 0
  client.on('data', (chunk) => {
    got += chunk.length
  })
  await within(once(client, 'end'), 'the end')
  assert.equal(got, size)
  client.end()
  await eventually(() => summaries.length === 1, 'the end of both')
})

test('a client that ends and is gone has its bytes delivered, though the server speaks meanwhile', async (t) => {
  const size = 600_000
  let talk = (): void => {}
  let read = async (): Promise<number> => 0
  const { address } = await server(t, (socket) => {
    socket.pause()
    talk = () => socket.write('word')
    read = async () => {
      socket.resume()
      await once(socket, 'end')
      return socket.bytesRead
    }
  })
  const { connections, summaries, port } = await rig(t, () => ({ remote: address }))
  const client = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  client.end(Buffer.alloc(size))
  await eventually(() => connections[0]?.socket.readableEnded === true, 'the end of the client')
  client.destroy()
  await within(once(client, 'close'), 'the client to be gone')
  for (let times = 0; summaries.length === 0 && times < 100; times++) {
    talk()
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  assert.equal((summaries[0]?.error as { code?: string } | undefined)?.code, 'ERR_TCP_BROKEN')
  assert.equal(await within(read(), 'the bytes'), size)
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
