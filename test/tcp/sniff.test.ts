import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { httpHost, tlsServerName } from '#lib/tcp/index.js'
import { clientHello } from '../support/client-hello.js'

/** The same message in records of `size` bytes. */
function inRecords(hello: Buffer, size: number): Buffer {
  const message = hello.subarray(5)
  const records = []
  for (let at = 0; at < message.length; at += size) {
    const part = message.subarray(at, at + size)
    records.push(Buffer.from([22, 3, 1, part.length >> 8, part.length & 255]), part)
  }
  return Buffer.concat(records)
}

/** Milliseconds that the processor has spent on something, however much else it had to do meanwhile. */
function workOf(something: () => void): number {
  const before = process.cpuUsage()
  something()
  const { user, system } = process.cpuUsage(before)
  return Math.round((user + system) / 1000)
}

const versions = ['TLSv1.2', 'TLSv1.3'] as const

for (const version of versions) {
  test(`${version}: the name is found, and not before it has arrived`, async () => {
    const options = { servername: 'Git.Example.org', minVersion: version, maxVersion: version }
    const whole = await clientHello({ ...options, ALPNProtocols: ['h2', 'http/1.1'] })
    for (const hello of [whole, inRecords(whole, 100), inRecords(whole, 1), inRecords(whole, 3)]) {
      assert.equal(tlsServerName(hello), 'git.example.org')
      // Nothing behind the message counts.
      assert.equal(tlsServerName(Buffer.concat([hello, Buffer.from('anything at all')])), 'git.example.org')
      let known = false
      for (let length = 0; length < hello.length; length++) {
        const name = tlsServerName(hello.subarray(0, length))
        assert.ok(name === 'git.example.org' || (name === 'more' && !known), `${name} after ${length} bytes`)
        known ||= name !== 'more'
      }
    }
  })

  test(`${version}: a client that asks for no name has none`, async () => {
    const hello = await clientHello({ minVersion: version, maxVersion: version })
    assert.equal(tlsServerName(hello), undefined)
    for (let length = 0; length < hello.length; length++) assert.equal(tlsServerName(hello.subarray(0, length)), 'more')
    assert.equal(tlsServerName(inRecords(hello, 7)), undefined)
  })
}

test('what is no ClientHello has no name', async () => {
  const hello = await clientHello({ servername: 'a.example' })
  const changed = (at: number, byte: number): Buffer => {
    const copy = Buffer.from(hello)
    copy[at] = byte
    return copy
  }
  const none: readonly (readonly [string, Uint8Array])[] = [
    ['HTTP', Buffer.from('GET / HTTP/1.1\r\n')],
    ['SSH', Buffer.from('SSH-2.0-OpenSSH_9.6\r\n')],
    ['SSL 2', Buffer.from('802e0100020015', 'hex')],
    ['an alert', Buffer.from('15030100020228', 'hex')],
    ['another major version', changed(1, 2)],
    ['another message', changed(5, 2)],
    ['an empty record', Buffer.from('1603010000', 'hex')],
    ['a record that is too long', Buffer.from('160301ffff01', 'hex')],
    ['a message that is too long', Buffer.from('16030100100100ffffff', 'hex').subarray(0, 9).fill(255, 6, 9)],
    ['a session id longer than the message', changed(43, 255).fill(0, 44)],
  ]
  for (const [what, bytes] of none) assert.equal(tlsServerName(bytes), undefined, what)
  assert.equal(tlsServerName(new Uint8Array(0)), 'more')
})

test('a message in records of a byte each takes no longer than one in a single record', () => {
  // 60,000 bytes are announced, and the first field of a length leads behind what is there.
  const message = Buffer.alloc(40_000)
  message.set([1, 0, 0xea, 0x60])
  message.fill(255, 38)
  const records = inRecords(Buffer.concat([Buffer.alloc(5), message]), 1)
  const work = workOf(() => assert.equal(tlsServerName(records), 'more'))
  assert.ok(work < 2000, `it took ${work} ms`)
})

test('a name that is none is not handed on', async () => {
  const hello = await clientHello({ servername: 'abcdefghij.example' })
  const at = hello.indexOf('abcdefghij')
  for (const name of ['../etc/pas', 'a\0.example', 'a b.exampl', '.abcdefghi', 'a..example', 'a*.example']) {
    const copy = Buffer.from(hello)
    copy.write(name, at, 'latin1')
    assert.equal(tlsServerName(copy), undefined, JSON.stringify(name))
  }
  // Addresses are none (RFC 6066 §3), and names have at most 253 characters (RFC 1035 §2.3.4).
  const other = await clientHello({ servername: 'abcdef.example' })
  other.write('192.168.100.10', other.indexOf('abcdef.example'), 'latin1')
  assert.equal(tlsServerName(other), undefined)
  const longest = `${'a'.repeat(50)}.`.repeat(5).slice(0, -1)
  assert.equal(longest.length, 254)
  assert.equal(tlsServerName(await clientHello({ servername: longest })), undefined)
  assert.equal(tlsServerName(await clientHello({ servername: longest.slice(1) })), longest.slice(1))
})

test('whatever arrives never throws, and more bytes never change a name', async () => {
  const hello = await clientHello({ servername: 'name.example' })
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(hello.length - 1), fc.nat(255)), { maxLength: 8 }),
      fc.nat(hello.length),
      (changes, cut) => {
        const changed = Buffer.from(hello)
        for (const [at, byte] of changes) changed[at] = byte
        const early = tlsServerName(changed.subarray(0, cut))
        const late = tlsServerName(changed)
        assert.ok(early === 'more' || early === late, `${early}, then ${late}`)
      },
    ),
    { numRuns: 3000 },
  )
})

test('what follows the record with the name does not take it back', async () => {
  const hello = await clientHello({ servername: 'name.example' })
  const size = hello.indexOf('name.example') + 'name.example'.length - 5
  const first = inRecords(hello, size).subarray(0, size + 5)
  assert.equal(tlsServerName(first), 'name.example')
  for (const next of ['GET / HTTP', '15030100020228', '1602', '1603010000', '160301ffff']) {
    const bytes = next.startsWith('1') ? Buffer.from(next, 'hex') : Buffer.from(next)
    assert.equal(tlsServerName(Buffer.concat([first, bytes])), 'name.example', next)
    // Without the name there will be none.
    assert.equal(tlsServerName(Buffer.concat([inRecords(hello, 50).subarray(0, 55), bytes])), undefined, next)
  }
})

const hosts: readonly [request: string, host: string | undefined][] = [
  ['GET / HTTP/1.1\r\nHost: Example.org\r\n\r\n', 'example.org'],
  ['GET / HTTP/1.1\r\nHost: example.org:8080\r\n\r\nbody', 'example.org'],
  ['GET / HTTP/1.1\r\nAccept: */*\r\nhOsT:\t[::1]:80 \r\n\r\n', '[::1]'],
  ['GET / HTTP/1.1\nHost: example.org\n\n', 'example.org'],
  ['OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n', 'a'],
  ['GET http://b.example:81/x?y HTTP/1.1\r\nHost: a\r\n\r\n', 'b.example'],
  ['GET / HTTP/1.0\r\n\r\n', undefined],
  ['GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n', undefined],
  ['GET / HTTP/1.1\r\nHost:\r\n\r\n', undefined],
  ['GET / HTTP/1.1\r\nHost: a b\r\n\r\n', undefined],
  ['PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', undefined],
  ['EHLO example.org\r\n', undefined],
]

for (const [request, host] of hosts) {
  test(`the host of ${JSON.stringify(request)} is ${host}, and not before the head is there`, () => {
    const bytes = Buffer.from(request)
    assert.equal(httpHost(bytes), host)
    for (let length = 0; length < bytes.length; length++) {
      const early = httpHost(bytes.subarray(0, length))
      assert.ok(early === 'more' || early === host, `${early} after ${length} bytes`)
    }
  })
}

test('what cannot become a request is told early', () => {
  for (const text of ['\x16\x03\x01', 'SSH-2.0-OpenSSH_9.6\r', '\r\nGET', 'GET / FTP', `${'x'.repeat(65)}`]) {
    assert.equal(httpHost(Buffer.from(text, 'latin1')), undefined, JSON.stringify(text))
  }
  assert.equal(httpHost(Buffer.from(`GET /${'x'.repeat(100)}`)), 'more')
  assert.equal(httpHost(Buffer.from(`GET /${'x'.repeat(2 ** 17)}`)), undefined)
})

test('blanks within a host take no time', () => {
  const request = Buffer.from(`GET / HTTP/1.1\r\nHost: a${' '.repeat(60_000)}b\r\n\r\n`)
  const work = workOf(() => assert.equal(httpHost(request), undefined))
  assert.ok(work < 500, `it took ${work} ms`)
})
