import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { crc32c } from '#lib/proxy-protocol/crc32c.js'
import { formatProxyHeader } from '#lib/proxy-protocol/format.js'
import { type Endpoint, longestLine, ProxyHeaderError, signature, tlvTypes } from '#lib/proxy-protocol/header.js'
import { ipv6Bytes, ipv6Text } from '#lib/proxy-protocol/ipv6.js'
import { parseProxyHeader } from '#lib/proxy-protocol/parse.js'

const line = (text: string): Buffer => Buffer.from(`${text}\r\n`)
const binary = (hex: string): Buffer => Buffer.concat([signature, Buffer.from(hex.replaceAll(' ', ''), 'hex')])

const read: readonly [what: string, header: Buffer, ends: string | undefined][] = [
  ['TCP4', line('PROXY TCP4 192.0.2.1 198.51.100.2 56324 443'), '192.0.2.1:56324 198.51.100.2:443'],
  ['TCP6', line('PROXY TCP6 2001:db8::1 2001:db8::2 1 65535'), '2001:db8::1:1 2001:db8::2:65535'],
  ['UNKNOWN', line('PROXY UNKNOWN'), undefined],
  ['UNKNOWN with more', line('PROXY UNKNOWN ff:ff:: 1 2 whatever'), undefined],
  ['version 2 over IPv4', binary('21 11 000c c0000201 c6336402 dc04 01bb'), '192.0.2.1:56324 198.51.100.2:443'],
  [
    'version 2 over IPv6',
    binary('21 21 0024 20010db8000000000000000000000001 20010db8000000000000000000000002 0001 ffff'),
    '2001:db8::1:1 2001:db8::2:65535',
  ],
  ['version 2 over UDP', binary('21 12 000c c0000201 c6336402 dc04 01bb'), '192.0.2.1:56324 198.51.100.2:443'],
  ['a Unix socket', binary(`21 31 00d8 ${'00'.repeat(216)}`), undefined],
  ['LOCAL', binary('20 00 0000'), undefined],
  ['LOCAL with what is to be ignored', binary('20 11 000f c0000201 c6336402 dc04 01bb ffffff'), undefined],
  ['PROXY without a family', binary('21 00 0000'), undefined],
  ['as many bytes as are taken', binary(`21 00 0ff0 ea 0fed ${'00'.repeat(4077)}`), undefined],
]

const show = ({ address, port }: Endpoint): string => `${address}:${port}`

for (const [what, header, expected] of read) {
  test(`reads ${what}, whole and byte by byte, and nothing behind it`, () => {
    for (const behind of ['', 'PROXY TCP4', '\r\n\r\n\0\r\nQUIT\n']) {
      const parsed = parseProxyHeader(Buffer.concat([header, Buffer.from(behind)]))
      assert.ok(parsed !== 'more')
      assert.equal(parsed.length, header.length)
      const ends = parsed.ends && `${show(parsed.ends.source)} ${show(parsed.ends.destination)}`
      assert.equal(ends, expected)
    }
    for (let length = 0; length < header.length; length++) {
      assert.equal(parseProxyHeader(header.subarray(0, length)), 'more', `${length} bytes`)
    }
  })
}

const refused: readonly [what: string, header: Buffer, message: RegExp][] = [
  ['a request', Buffer.from('GET / HTTP/1.1\r\n'), /does not begin/],
  ['one wrong byte', Buffer.from('X'), /does not begin/],
  ['lower case', line('proxy TCP4 1.2.3.4 1.2.3.4 1 2'), /does not begin/],
  ['an unknown family', line('PROXY TCP5 1.2.3.4 1.2.3.4 1 2'), /broken line/],
  ['IPv6 as TCP4', line('PROXY TCP4 ::1 ::1 1 2'), /broken line/],
  ['IPv4 as TCP6', line('PROXY TCP6 1.2.3.4 1.2.3.4 1 2'), /broken line/],
  ['a zone', line('PROXY TCP6 fe80::1%eth0 ::1 1 2'), /broken line/],
  ['two spaces', line('PROXY TCP4  1.2.3.4 1.2.3.4 1 2'), /broken line/],
  ['a word too many', line('PROXY TCP4 1.2.3.4 1.2.3.4 1 2 3'), /broken line/],
  ['a word too few', line('PROXY TCP4 1.2.3.4 1.2.3.4 1'), /broken line/],
  ['a port too high', line('PROXY TCP4 1.2.3.4 1.2.3.4 1 65536'), /port "65536"/],
  ['a port with a zero before it', line('PROXY TCP4 1.2.3.4 1.2.3.4 01 2'), /port "01"/],
  ['a negative port', line('PROXY TCP4 1.2.3.4 1.2.3.4 -1 2'), /port "-1"/],
  ['a line without an end', Buffer.from(`PROXY UNKNOWN ${'x'.repeat(longestLine)}`), /at most 107/],
  ['another version', binary('31 11 0000'), /version 3/],
  ['another command', binary('22 11 0000'), /command 2/],
  ['another family', binary('21 41 0000'), /family 0x41/],
  ['another transport', binary('21 13 000c'), /family 0x13/],
  ['addresses that do not fit', binary('21 11 000b'), /too short/],
  ['a huge header', binary('21 11 ffff'), /at most 4096/],
  ['a field beyond the end', binary('21 11 0010 c0000201 c6336402 dc04 01bb 02 0002 61'), /longer than the header/],
  ['half a field', binary('21 11 000e c0000201 c6336402 dc04 01bb 02 00'), /longer than the header/],
  ['a wrong checksum', binary('21 11 0013 c0000201 c6336402 dc04 01bb 03 0004 00000000'), /checksum/],
  ['a checksum that is too short', binary('21 11 0012 c0000201 c6336402 dc04 01bb 03 0003 000000'), /checksum/],
  ['a byte more than are taken', binary(`21 11 0ff1 c0000201 c6336402 dc04 01bb`), /at most 4096/],
]

for (const [what, header, message] of refused) {
  test(`refuses ${what}`, () => {
    assert.throws(() => parseProxyHeader(header), { name: 'ProxyHeaderError', message })
  })
}

test('a checksum that is right is taken', () => {
  assert.equal(crc32c(Buffer.from('123456789')), 0xe3069283)
  const header = binary('21 11 0013 c0000201 c6336402 dc04 01bb 03 0004 00000000')
  header.writeUInt32BE(crc32c(header), header.length - 4)
  const parsed = parseProxyHeader(header)
  assert.ok(parsed !== 'more')
  assert.deepEqual(
    parsed.tlvs.map(({ type }) => type),
    [tlvTypes.crc32c],
  )
})

test('fields are read in order, without those that say nothing', () => {
  const header = binary('21 11 001a c0000201 c6336402 dc04 01bb 02 0003 612e62 04 0002 0000 ea 0000')
  const parsed = parseProxyHeader(header)
  assert.ok(parsed !== 'more')
  assert.deepEqual(
    parsed.tlvs.map(({ type, value }) => [type, value.toString()]),
    [
      [2, 'a.b'],
      [0xea, ''],
    ],
  )
})

test('what is not known goes out as unknown', () => {
  assert.equal(formatProxyHeader(1, undefined).toString(), 'PROXY UNKNOWN\r\n')
  assert.deepEqual(formatProxyHeader(2, undefined), binary('21 00 0000'))
  const none = { address: '', port: 0 }
  assert.equal(formatProxyHeader(1, { source: none, destination: none }).toString(), 'PROXY UNKNOWN\r\n')
})

test('where the families differ both addresses go out as IPv6', () => {
  const ends = { source: { address: '192.0.2.1', port: 1 }, destination: { address: 'fe80::1%eth0', port: 2 } }
  assert.equal(formatProxyHeader(1, ends).toString(), 'PROXY TCP6 ::ffff:192.0.2.1 fe80::1 1 2\r\n')
  const parsed = parseProxyHeader(formatProxyHeader(2, ends))
  assert.ok(parsed !== 'more')
  assert.deepEqual(parsed.ends, {
    source: { address: '::ffff:192.0.2.1', port: 1 },
    destination: { address: 'fe80::1', port: 2 },
  })
})

const port = fc.nat(65_535)
const endpoints = fc.oneof(
  fc.tuple(fc.ipV4(), fc.ipV4()),
  fc.tuple(fc.ipV6(), fc.ipV6()).map(([a, b]) => [ipv6Text(ipv6Bytes(a)), ipv6Text(ipv6Bytes(b))] as const),
)
const field = fc
  .tuple(fc.constantFrom(1, 2, 5, 0x20, 0x30, 0xea), fc.uint8Array({ maxLength: 300 }))
  .map(([type, bytes]) => ({ type, value: Buffer.from(bytes) }))

test('what is written is read as the same, in either version, wherever it is cut', () => {
  fc.assert(
    fc.property(
      endpoints,
      port,
      port,
      fc.array(field, { maxLength: 5 }),
      fc.constantFrom(1 as const, 2 as const),
      fc.uint8Array({ maxLength: 20 }),
      fc.nat(2000),
      ([from, to], fromPort, toPort, fields, version, behind, cut) => {
        const ends = { source: { address: from, port: fromPort }, destination: { address: to, port: toPort } }
        const header = formatProxyHeader(version, ends, fields)
        assert.ok(version === 2 || header.length <= longestLine)
        const parsed = parseProxyHeader(Buffer.concat([header, behind]))
        assert.deepEqual(parsed, { version, ends, tlvs: version === 1 ? [] : fields, length: header.length })
        assert.equal(parseProxyHeader(header.subarray(0, cut % header.length)), 'more')
      },
    ),
  )
})

test('whatever arrives is a header, too short for one, or refused', () => {
  const start = fc.constantFrom(
    Buffer.from('PROXY '),
    Buffer.from('PROXY TCP4 '),
    signature,
    binary('2111'),
    Buffer.alloc(0),
  )
  fc.assert(
    fc.property(start, fc.uint8Array({ maxLength: 300 }), (beginning, bytes) => {
      const data = Buffer.concat([beginning, bytes])
      try {
        const parsed = parseProxyHeader(data)
        assert.ok(parsed === 'more' || parsed.length <= data.length)
      } catch (error) {
        assert.ok(error instanceof ProxyHeaderError)
      }
    }),
    { numRuns: 500 },
  )
})

test('IPv6 addresses become bytes and back', () => {
  const same = ['::', '::1', '1::', '2001:db8::1:0:0:1', '1:2:3:4:5:6:7:8', 'fe80::1', '::ffff:1.2.3.4']
  for (const address of same) assert.equal(ipv6Text(ipv6Bytes(address)), address)
  assert.equal(ipv6Bytes('1.2.3.4').toString('hex'), '00000000000000000000ffff01020304')
  assert.equal(ipv6Bytes('64:ff9b::192.0.2.33').toString('hex'), '0064ff9b0000000000000000c0000221')
})
