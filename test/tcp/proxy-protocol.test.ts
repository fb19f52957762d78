import assert from 'node:assert/strict'
import { test } from 'node:test'
import { crc32c } from '#lib/proxy-protocol/crc32c.js'
import { formatProxyHeader } from '#lib/proxy-protocol/format.js'
import { tlvTypes } from '#lib/proxy-protocol/header.js'
import { parseProxyHeader } from '#lib/proxy-protocol/parse.js'
import { rig, server } from '../support/tcp.js'
import { eventually } from '../support/wire.js'

const source = { address: '192.0.2.1', port: 56_324 }
const destination = { address: '198.51.100.2', port: 443 }
const authority = { type: tlvTypes.authority, value: Buffer.from('a.example') }

/** A server that keeps what it gets, and answers at the end. */
function recorder(t: Parameters<typeof server>[0]) {
  const got: Buffer[] = []
  return server(t, (socket) => {
    const parts: Buffer[] = []
    socket.on('data', (chunk) => parts.push(chunk))
    socket.on('end', () => {
      got.push(Buffer.concat(parts))
      socket.end('ok')
    })
  }).then(({ address }) => ({ address, got }))
}

for (const version of [1, 2] as const) {
  test(`version ${version} is sent before the bytes of the client`, async (t) => {
    const { address, got } = await recorder(t)
    const { connect, port, connections } = await rig(t, () => ({ remote: address }), { sendProxyProtocol: version })
    const client = await connect()
    client.end('hello')
    assert.equal(await client.atEnd(), 'ok')
    const header = parseProxyHeader(got[0]!)
    assert.ok(header !== 'more')
    const { remotePort } = connections[0]!
    assert.ok(remotePort > 0 && header.version === version)
    assert.deepEqual(header.ends, {
      source: { address: '127.0.0.1', port: remotePort },
      destination: { address: '127.0.0.1', port },
    })
    assert.equal(got[0]!.subarray(header.length).toString(), 'hello')
  })

  test(`version ${version} is accepted byte by byte, shown to the route, and taken off`, async (t) => {
    const { address, got } = await recorder(t)
    const seen: unknown[] = []
    const { connect, connections } = await rig(
      t,
      (data, { remoteAddress, remotePort, localAddress, localPort }) => {
        seen.push([data.toString(), remoteAddress, remotePort, localAddress, localPort])
        return { remote: address }
      },
      { acceptProxyProtocol: true },
    )
    const client = await connect()
    const header = formatProxyHeader(version, { source, destination }, [authority])
    for (let at = 0; at < header.length; at++) {
      client.write(header.subarray(at, at + 1))
      await eventually(() => connections[0]?.socket.bytesRead === at + 1, `byte ${at + 1}`)
    }
    assert.deepEqual(seen, [])
    client.end('hello')
    assert.equal(await client.atEnd(), 'ok')
    assert.deepEqual(seen, [['hello', '192.0.2.1', 56_324, '198.51.100.2', 443]])
    assert.equal(got[0]!.toString(), 'hello')
    assert.equal(connections[0]!.proxyHeader?.version, version)
  })
}

test('what was accepted goes on with its fields, and one decision may want another version', async (t) => {
  const { address, got } = await recorder(t)
  const { connect } = await rig(
    t,
    (data) => ({ remote: address, ...(data.toString() === 'plain' ? { sendProxyProtocol: false } : {}) }),
    { acceptProxyProtocol: true, sendProxyProtocol: 2 },
  )
  const header = formatProxyHeader(2, { source, destination }, [authority])
  for (const text of ['hello', 'plain']) {
    const client = await connect()
    client.end(Buffer.concat([header, Buffer.from(text)]))
    assert.equal(await client.atEnd(), 'ok')
  }
  assert.deepEqual(got[0], Buffer.concat([header, Buffer.from('hello')]))
  assert.equal(got[1]!.toString(), 'plain')
})

test('a checksum stays with the header that it was made for', async (t) => {
  const { address, got } = await recorder(t)
  const options = { acceptProxyProtocol: true, sendProxyProtocol: 2 } as const
  const { connect } = await rig(t, () => ({ remote: address }), options)
  const header = formatProxyHeader(2, { source, destination }, [
    authority,
    { type: tlvTypes.crc32c, value: Buffer.alloc(4) },
  ])
  header.writeUInt32BE(crc32c(header), header.length - 4)
  const client = await connect()
  client.end(Buffer.concat([header, Buffer.from('hello')]))
  assert.equal(await client.atEnd(), 'ok')
  const plain = formatProxyHeader(2, { source, destination }, [authority])
  assert.deepEqual(got[0], Buffer.concat([plain, Buffer.from('hello')]))
})

test('a header without ends leaves those of the connection', async (t) => {
  const { connect, connections } = await rig(t, () => ({ close: 'seen' }), { acceptProxyProtocol: true })
  const client = await connect()
  client.write('PROXY UNKNOWN\r\nhello')
  assert.equal(await client.atEnd(), 'seen')
  assert.equal(connections[0]!.remoteAddress, '127.0.0.1')
})

test('decideAtOnce waits for the header', async (t) => {
  const options = { acceptProxyProtocol: true, decideAtOnce: true }
  const { connect } = await rig(t, (_, { remoteAddress }) => ({ close: remoteAddress }), options)
  const client = await connect()
  client.write(formatProxyHeader(1, { source, destination }))
  assert.equal(await client.atEnd(), '192.0.2.1')
})

test('a client without a header is closed, with an error, and the route is not asked', async (t) => {
  let calls = 0
  const { connect, told } = await rig(
    t,
    () => {
      calls++
      return { close: true }
    },
    { acceptProxyProtocol: true },
  )
  const client = await connect()
  client.write('GET / HTTP/1.1\r\n')
  assert.equal(await client.atEnd(), '')
  assert.deepEqual(told, ['error ERR_TCP_PROXY_HEADER'])
  assert.equal(calls, 0)
})
