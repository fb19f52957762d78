/** What a header of the PROXY protocol says; see https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt */

/** One end of a connection. */
export interface Endpoint {
  /** IPv4 or IPv6, without brackets. */
  readonly address: string
  readonly port: number
}

/** Something more that a header of version 2 tells (§2.2.7). */
export interface Tlv {
  /** 0 to 255; of 0x02, for example, the value is the name that the client asked for by SNI. */
  readonly type: number
  readonly value: Buffer
}

/** Types of {@link Tlv} that have a meaning here. */
export const tlvTypes = {
  alpn: 0x01,
  authority: 0x02,
  crc32c: 0x03,
  noop: 0x04,
  uniqueId: 0x05,
  ssl: 0x20,
} as const

/** A header that was read. */
export interface ProxyHeader {
  readonly version: 1 | 2
  /**
   * Both ends of the connection that was accepted first. Undefined: the sender does not know them, or speaks for itself
   * (`UNKNOWN`, `LOCAL`, Unix sockets), and the ends of the connection itself count.
   */
  readonly ends: { readonly source: Endpoint; readonly destination: Endpoint } | undefined
  /** Empty in version 1. */
  readonly tlvs: readonly Tlv[]
  /** How many bytes it took. */
  readonly length: number
}

/** Bytes that are no header of the PROXY protocol. The connection is to be closed (§2). */
export class ProxyHeaderError extends Error {
  override readonly name = 'ProxyHeaderError'
}

/** What every header of version 2 begins with. */
export const signature: Buffer = Buffer.from('0d0a0d0a000d0a515549540a', 'hex')

/** The longest line of version 1, with its line break (§2.1). */
export const longestLine = 107
