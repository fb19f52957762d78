/**
 * Reading a header of the PROXY protocol, of either version, from the first bytes of a connection: as often as more of
 * them arrive, until it is complete or cannot be one. Nothing behind the header is looked at.
 */

import { isIPv4, isIPv6 } from 'node:net'
import { crc32c } from './crc32c.js'
import { longestLine, type ProxyHeader, ProxyHeaderError, signature, type Tlv, tlvTypes } from './header.js'
import { ipv6Text } from './ipv6.js'

/** The longest header of version 2 that is taken, in bytes; those of the field have a few dozen. */
export const longestHeader = 4096

const lineBeginning = Buffer.from('PROXY ')

/**
 * Reads the header at the beginning of `data`. `more`: what is there may become one.
 *
 * @throws {ProxyHeaderError} when it is none, or a broken one
 */
export function parseProxyHeader(data: Buffer): ProxyHeader | 'more' {
  if (isBeginning(data, signature)) return data.length < 16 ? 'more' : parseBinary(data)
  if (isBeginning(data, lineBeginning)) return parseLine(data)
  throw new ProxyHeaderError('the connection does not begin with a header of the PROXY protocol')
}

/** `data` begins with `mark`, or may still do so. */
function isBeginning(data: Buffer, mark: Buffer): boolean {
  const length = Math.min(data.length, mark.length)
  return data.compare(mark, 0, length, 0, length) === 0
}

// Version 1 (§2.1).

function parseLine(data: Buffer): ProxyHeader | 'more' {
  const start = data.subarray(0, longestLine)
  const end = start.indexOf('\r\n')
  if (end < 0) {
    if (start.length < longestLine) return 'more'
    throw new ProxyHeaderError(`a line of the PROXY protocol has at most ${longestLine} bytes`)
  }
  const line = start.toString('latin1', 0, end)
  const length = end + 2
  // What follows UNKNOWN is to be ignored.
  if (/^PROXY UNKNOWN(?: |$)/.test(line)) return { version: 1, ends: undefined, tlvs: [], length }
  const words = line.split(' ')
  const [, family, source = '', destination = '', sourcePort, destinationPort] = words
  const isAddress = family === 'TCP4' ? isIPv4 : family === 'TCP6' ? isPlainIPv6 : undefined
  if (words.length !== 6 || isAddress === undefined || !isAddress(source) || !isAddress(destination)) {
    throw new ProxyHeaderError(`a broken line of the PROXY protocol: ${JSON.stringify(line)}`)
  }
  const ends = {
    source: { address: source, port: parsePort(sourcePort) },
    destination: { address: destination, port: parsePort(destinationPort) },
  }
  return { version: 1, ends, tlvs: [], length }
}

function isPlainIPv6(text: string): boolean {
  return isIPv6(text) && !text.includes('%')
}

function parsePort(text: string | undefined): number {
  const port = text !== undefined && /^(?:0|[1-9]\d{0,4})$/.test(text) ? Number(text) : 65_536
  if (port > 65_535) throw new ProxyHeaderError(`a line of the PROXY protocol names the port ${JSON.stringify(text)}`)
  return port
}

// Version 2 (§2.2).

/** Bytes of both addresses and ports, by the upper half of the 14th byte. */
const addressLengths: readonly number[] = [0, 12, 36, 216]

function parseBinary(data: Buffer): ProxyHeader | 'more' {
  const command = data[12]!
  const family = data[13]! >>> 4
  const size = data.readUInt16BE(14)
  const length = 16 + size
  if (command >>> 4 !== 2) throw new ProxyHeaderError(`version ${command >>> 4} of the PROXY protocol is not known`)
  if ((command & 15) > 1) throw new ProxyHeaderError(`command ${command & 15} of the PROXY protocol is not known`)
  if (length > longestHeader) {
    throw new ProxyHeaderError(`a header of the PROXY protocol has ${length} bytes; at most ${longestHeader} are taken`)
  }
  const isLocal = (command & 15) === 0
  const addressLength = addressLengths[family]
  if (!isLocal && (addressLength === undefined || (data[13]! & 15) > 2)) {
    throw new ProxyHeaderError(`address family 0x${data[13]!.toString(16)} of the PROXY protocol is not known`)
  }
  if (!isLocal && size < addressLength!) {
    throw new ProxyHeaderError('a header of the PROXY protocol is too short for its addresses')
  }
  if (data.length < length) return 'more'
  const header = data.subarray(0, length)
  // Of LOCAL everything behind the length is to be ignored.
  if (isLocal) return { version: 2, ends: undefined, tlvs: [], length }
  const tlvs = parseTlvs(header, 16 + addressLength!)
  return { version: 2, ends: parseEnds(header, family), tlvs, length }
}

function parseEnds(header: Buffer, family: number): ProxyHeader['ends'] {
  if (family === 1) {
    return {
      source: { address: header.subarray(16, 20).join('.'), port: header.readUInt16BE(24) },
      destination: { address: header.subarray(20, 24).join('.'), port: header.readUInt16BE(26) },
    }
  }
  if (family === 2) {
    return {
      source: { address: ipv6Text(header.subarray(16, 32)), port: header.readUInt16BE(48) },
      destination: { address: ipv6Text(header.subarray(32, 48)), port: header.readUInt16BE(50) },
    }
  }
  return undefined
}

function parseTlvs(header: Buffer, from: number): Tlv[] {
  const tlvs: Tlv[] = []
  for (let at = from; at < header.length; ) {
    const begin = at + 3
    const end = begin <= header.length ? begin + header.readUInt16BE(at + 1) : Number.POSITIVE_INFINITY
    if (end > header.length) throw new ProxyHeaderError('a field of a PROXY protocol header is longer than the header')
    const type = header[at]!
    const value = Buffer.from(header.subarray(begin, end))
    if (type === tlvTypes.crc32c) checkSum(header, begin, value)
    if (type !== tlvTypes.noop) tlvs.push({ type, value })
    at = end
  }
  return tlvs
}

/** The sum is made over the whole header, with zeros in its own place (§2.2.3). */
function checkSum(header: Buffer, at: number, value: Buffer): void {
  const zeroed = Buffer.from(header)
  zeroed.fill(0, at, at + value.length)
  if (value.length !== 4 || value.readUInt32BE(0) !== crc32c(zeroed)) {
    throw new ProxyHeaderError('the checksum of a PROXY protocol header is wrong')
  }
}
