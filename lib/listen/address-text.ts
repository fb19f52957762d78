import type { AddressInfo } from 'node:net'

/** Where something listens, whatever it speaks. */
export interface Place {
  readonly scheme: 'http' | 'https' | 'tcp'
  /** Empty: all addresses of the machine. */
  readonly host: string
  readonly port: number
  /** Path of a Unix socket, or undefined. */
  readonly socketPath: string | undefined
}

/**
 * An address as a URL that can be opened, as far as there is one. `bound` is what the system has given: the port that
 * was chosen for port 0.
 */
export function formatAddress(address: Place, bound?: AddressInfo | string | null): string {
  const { scheme, host, socketPath } = address
  if (socketPath !== undefined) return `unix:${socketPath}`
  const port = typeof bound === 'object' && bound !== null ? bound.port : address.port
  if (host === '') return `${scheme}://localhost:${port} (all addresses)`
  return `${scheme}://${host.includes(':') ? `[${host}]` : host}:${port}`
}
