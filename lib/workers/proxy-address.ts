import { parseLocation, parsePort } from '../pool/address.js'

/** Where a worker finds a proxy. */
export interface ProxyAddress {
  /** As messages and events name it: `http://127.0.0.1:8000`, `https://proxy:8000`, `unix:/run/w.sock`. */
  readonly text: string
  readonly secure: boolean
  /** Name or address, without brackets; empty for a Unix socket. */
  readonly host: string
  /** 0 for a Unix socket. */
  readonly port: number
  /** Path of a Unix socket, or undefined. */
  readonly socketPath: string | undefined
  /** The target of the handshake. */
  readonly path: string
}

/**
 * `http://127.0.0.1:8000`, `https://proxy:8000`, `127.0.0.1:8000`, `8000` (of 127.0.0.1), `unix:/run/w.sock`. A URL
 * may have a path, for a proxy that takes workers among the requests of another server.
 *
 * @throws TypeError with a message for whoever wrote it.
 */
export function parseProxyAddress(text: string): ProxyAddress {
  try {
    return parse(text)
  } catch (error) {
    throw new TypeError((error as Error).message)
  }
}

function parse(text: string): ProxyAddress {
  if (/^unix:/i.test(text)) {
    const socketPath = text.slice('unix:'.length).replace(/^\/\//, '')
    if (!socketPath.startsWith('/')) {
      throw new Error(`bad address "${text}"; the path of a socket is absolute, as in unix:/run/w.sock`)
    }
    return { text: `unix:${socketPath}`, secure: false, host: '', port: 0, socketPath, path: '/' }
  }
  // Whoever writes a password there is told so without it.
  const shown = text.replace(/^([^/]*\/\/)?[^/]*@/, '$1***@')
  const [, scheme, rest = ''] = /^(?:([a-z][\w+.-]*):\/\/)?(.*)$/is.exec(text) ?? []
  const lower = scheme?.toLowerCase() ?? 'http'
  if (lower !== 'http' && lower !== 'https') {
    throw new Error(`unknown scheme "${scheme}" in "${shown}"; known schemes: http, https, unix`)
  }
  const secure = lower === 'https'
  const [, location = '', path = ''] = /^([^/?#]*)(.*)$/s.exec(rest) ?? []
  if (location.includes('@') || !/^(?:\/[\x21-\x7e]*)?$/.test(path) || path.includes('#')) {
    throw new Error(`bad address "${shown}"; it consists of a host and a port, as in http://127.0.0.1:8000`)
  }
  const { host, port } = /^\d+$/.test(location)
    ? { host: '127.0.0.1', port: parsePort(location, text) }
    : parseLocation(location, scheme === undefined ? undefined : secure ? 443 : 80, text)
  const written = host.includes(':') ? `[${host}]` : host
  const target = path === '' ? '/' : path
  const url = `${lower}://${written}:${port}${target === '/' ? '' : target}`
  return { text: url, secure, host, port, socketPath: undefined, path: target }
}
