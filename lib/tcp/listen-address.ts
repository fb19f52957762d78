import { parseLocation, parsePort } from '../pool/address.js'

/** Where an entry listens. */
export interface TcpListenAddress {
  readonly scheme: 'tcp'
  /** Empty: all addresses of the machine. Empty for a Unix socket too. */
  readonly host: string
  /** 0: any free port. 0 for a Unix socket too. */
  readonly port: number
  /** Path of a Unix socket, or undefined. */
  readonly socketPath: string | undefined
}

/**
 * `5432` and `*:5432` (all addresses), `127.0.0.1:5432`, `[::1]:5432`, `unix:/run/tcp.sock`.
 *
 * @throws Error with a message for the author of the configuration.
 */
export function parseTcpListen(text: string): TcpListenAddress {
  if (/^unix:/i.test(text)) {
    const socketPath = text.slice('unix:'.length).replace(/^\/\//, '')
    if (!socketPath.startsWith('/')) {
      throw new Error(`bad address "${text}"; the path of a socket is absolute, as in unix:/run/tcp.sock`)
    }
    return { scheme: 'tcp', host: '', port: 0, socketPath }
  }
  const [, scheme, location = ''] = /^(?:([^:/]*):\/\/)?(.*)$/s.exec(text) ?? []
  if (scheme !== undefined && scheme.toLowerCase() !== 'tcp') {
    throw new Error(`"${text}": bytes are passed on as they are, TLS too; write 5432 or 127.0.0.1:5432`)
  }
  if (/[@/?#]/.test(location)) {
    throw new Error(`bad address "${text}"; it consists of a host and a port, as in 127.0.0.1:5432`)
  }
  const digits = /^(?:\*?:)?(\d+)$/.exec(location)?.[1]
  if (digits !== undefined) return { scheme: 'tcp', host: '', port: parsePort(digits, text, 0), socketPath: undefined }
  return { scheme: 'tcp', ...parseLocation(location, undefined, text, 0), socketPath: undefined }
}

/** What tells addresses apart. */
export function listenKey({ host, port, socketPath }: Omit<TcpListenAddress, 'scheme'>): string {
  return socketPath === undefined ? `${host}:${port}` : `unix:${socketPath}`
}
