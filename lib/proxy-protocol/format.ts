/** Writing headers of the PROXY protocol. */

import { isIPv4, isIPv6 } from 'node:net'
import { type Endpoint, signature, type Tlv } from './header.js'
import { ipv6Bytes } from './ipv6.js'

/** The ends of a connection; undefined where it has none that could be told, as over a Unix socket. */
export type Ends = { readonly source: Endpoint; readonly destination: Endpoint } | undefined

/**
 * A header of version 1 or 2. Where one address is IPv4 and the other IPv6, both go out as IPv6. Without ends, or with
 * addresses that are none, it says so: `UNKNOWN`, or no family.
 *
 * `tlvs`: what else version 2 is to tell; version 1 has no place for it.
 */
export function formatProxyHeader(version: 1 | 2, ends: Ends, tlvs: readonly Tlv[] = []): Buffer {
  const family = ends === undefined ? undefined : familyOf(ends.source.address, ends.destination.address)
  return version === 1 ? formatLine(ends, family) : formatBinary(ends, family, tlvs)
}

function familyOf(source: string, destination: string): 4 | 6 | undefined {
  if (isIPv4(source) && isIPv4(destination)) return 4
  const isAddress = (text: string): boolean => isIPv4(text) || isIPv6(text)
  return isAddress(source) && isAddress(destination) ? 6 : undefined
}

function formatLine(ends: Ends, family: 4 | 6 | undefined): Buffer {
  if (ends === undefined || family === undefined) return Buffer.from('PROXY UNKNOWN\r\n')
  const { source, destination } = ends
  const written = ({ address }: Endpoint): string =>
    family === 6 && isIPv4(address) ? `::ffff:${address}` : address.replace(/%.*$/, '')
  return Buffer.from(
    `PROXY TCP${family} ${written(source)} ${written(destination)} ${source.port} ${destination.port}\r\n`,
  )
}

function formatBinary(ends: Ends, family: 4 | 6 | undefined, tlvs: readonly Tlv[]): Buffer {
  const addresses = ends === undefined || family === undefined ? Buffer.alloc(0) : addressBytes(ends, family)
  const fields = tlvs.map(({ type, value }) => {
    const head = Buffer.from([type, 0, 0])
    head.writeUInt16BE(value.length, 1)
    return Buffer.concat([head, value])
  })
  const body = Buffer.concat([addresses, ...fields])
  const head = Buffer.alloc(4)
  head[0] = 0x21
  head[1] = family === 4 ? 0x11 : family === 6 ? 0x21 : 0
  head.writeUInt16BE(body.length, 2)
  return Buffer.concat([signature, head, body])
}

function addressBytes({ source, destination }: NonNullable<Ends>, family: 4 | 6): Buffer {
  const ports = Buffer.alloc(4)
  ports.writeUInt16BE(source.port, 0)
  ports.writeUInt16BE(destination.port, 2)
  const bytes = ({ address }: Endpoint): Uint8Array =>
    family === 6 ? ipv6Bytes(address) : Uint8Array.from(address.split('.').map(Number))
  return Buffer.concat([bytes(source), bytes(destination), ports])
}
