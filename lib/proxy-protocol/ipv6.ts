/** IPv6 addresses as bytes. */

import { isIPv6 } from 'node:net'

/** The sixteen bytes of an address, of an IPv4 address in its mapped form (RFC 4291 §2.5.5.2). A zone is left out. */
export function ipv6Bytes(address: string): Buffer {
  const text = isIPv6(address) ? address.replace(/%.*$/, '') : `::ffff:${address}`
  const dotted = /^(.*:)(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(text)
  const plain = dotted === null ? text : `${dotted[1]}${pair(dotted[2]!, dotted[3]!)}:${pair(dotted[4]!, dotted[5]!)}`
  const [before = '', after] = plain.split('::')
  const head = groups(before)
  const tail = groups(after ?? '')
  const bytes = Buffer.alloc(16)
  head.forEach((group, index) => {
    bytes.writeUInt16BE(group, index * 2)
  })
  tail.forEach((group, index) => {
    bytes.writeUInt16BE(group, 16 - (tail.length - index) * 2)
  })
  return bytes
}

function pair(high: string, low: string): string {
  return (Number(high) * 256 + Number(low)).toString(16)
}

function groups(text: string): number[] {
  return text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16))
}

/** The address of sixteen bytes in its canonical form (RFC 5952); a mapped IPv4 address in dotted form. */
export function ipv6Text(bytes: Buffer): string {
  if (bytes.readUInt32BE(8) === 0xffff && bytes.readUInt32BE(0) === 0 && bytes.readUInt32BE(4) === 0) {
    return `::ffff:${bytes.subarray(12).join('.')}`
  }
  const written = Array.from({ length: 8 }, (_, index) => bytes.readUInt16BE(index * 2).toString(16)).join(':')
  return new URL(`http://[${written}]`).hostname.slice(1, -1)
}
