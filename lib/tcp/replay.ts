import type { Socket } from 'node:net'
import { formatProxyHeader } from '../proxy-protocol/format.js'
import { tlvTypes } from '../proxy-protocol/header.js'
import type { TcpConnection } from './client.js'
import type { Bytes } from './decision.js'

/** Sends what a server gets first: the header of the PROXY protocol if one is wanted, and the client's bytes. */
export function replay(
  server: Socket,
  client: TcpConnection,
  proxyProtocol: false | 1 | 2,
  data: Bytes,
  rest: Buffer,
): void {
  if (proxyProtocol === false && rest.length === 0) {
    if (data.length > 0) server.write(data)
    return
  }
  // One packet, where it fits.
  server.cork()
  if (proxyProtocol !== false) server.write(proxyHeader(proxyProtocol, client))
  if (data.length > 0) server.write(data)
  if (rest.length > 0) server.write(rest)
  server.uncork()
}

function proxyHeader(version: 1 | 2, client: TcpConnection): Buffer {
  const { remoteAddress, remotePort, localAddress, localPort } = client
  const ends = {
    source: { address: remoteAddress, port: remotePort },
    destination: { address: localAddress, port: localPort },
  }
  // A checksum belongs to the header that it came with.
  const tlvs = client.proxyHeader?.tlvs.filter(({ type }) => type !== tlvTypes.crc32c)
  return formatProxyHeader(version, ends, tlvs)
}
