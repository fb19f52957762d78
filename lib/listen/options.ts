import { pemFile } from '../config/files.js'
import { list } from '../config/lists.js'
import { type Contradiction, eachItem, type OptionTable } from '../config/section.js'
import { boolean, duration, integer, optional, size } from '../config/types.js'
import { parseLocation, parsePort } from '../pool/address.js'

/** Where the command line listens: the public form. Durations are seconds, or text such as `250ms`. */
export interface ListenConfig {
  /** `8080`, `127.0.0.1:8080`, `https://:8443`, `unix:/run/p.sock`; one or more. Default: `8080`. */
  address?: string | number | readonly (string | number)[]
  /** Certificate chain in PEM, for `https://` addresses: a file, or the text itself. */
  certificate?: string | false
  /** Its key in PEM: a file, or the text itself. */
  certificateKey?: string | false
  /** HTTP/2 is spoken on `https://` addresses. Default: true. */
  http2?: boolean | string
  /** Each client connection begins with a header of the PROXY protocol, version 1 or 2. Default: false. */
  proxyProtocol?: boolean | string
  /** Time for the head of a request, in seconds; 0: no limit. Default: 60. */
  headersTimeout?: number | string
  /** Time for a whole request, in seconds; 0: no limit. Default: 300. */
  requestTimeout?: number | string
  /** How long an unused client connection is kept, in seconds; 0: no limit. Default: 65. */
  keepAliveTimeout?: number | string
  /** Client connections at once; 0: no limit. Default: 0. */
  maxConnections?: number | string
  /** Longest head of a request, in bytes. Default: 16k. */
  maxHeaderSize?: number | string
  /** How long requests under way may take once the proxy stops, in seconds. Default: 30. */
  shutdownTimeout?: number | string
}

/** One place to listen at. */
export interface ListenAddress {
  readonly scheme: 'http' | 'https'
  /** Empty: all addresses of the machine. Empty for a Unix socket too. */
  readonly host: string
  /** 0: any free port. 0 for a Unix socket too. */
  readonly port: number
  /** Path of a Unix socket, or undefined. */
  readonly socketPath: string | undefined
}

/** Where the command line listens. Durations are milliseconds, sizes bytes, certificate and key text in PEM. */
export interface ListenOptions {
  readonly address: readonly ListenAddress[]
  readonly certificate: string | undefined
  readonly certificateKey: string | undefined
  readonly http2: boolean
  readonly proxyProtocol: boolean
  /** Milliseconds; 0: no limit. */
  readonly headersTimeout: number
  /** Milliseconds; 0: no limit. */
  readonly requestTimeout: number
  /** Milliseconds; 0: no limit. */
  readonly keepAliveTimeout: number
  /** 0: no limit. */
  readonly maxConnections: number
  /** Bytes. */
  readonly maxHeaderSize: number
  /** Milliseconds. */
  readonly shutdownTimeout: number
}

/** The keys of `[LISTEN]`. */
export const listenTable: OptionTable<ListenConfig, ListenOptions> = {
  address: {
    key: 'Address',
    type: list({ describe: 'addresses', resolve: (items) => eachItem(items, (item) => parseListenAddress(item)) }),
    default: ['8080'],
    scope: 'own',
    doc: 'Where to listen: `8080`, `127.0.0.1:8080`, `[::1]:8080`, `https://:8443`, `unix:/run/p.sock`.',
  },
  certificate: {
    key: 'Certificate',
    type: optional(pemFile),
    scope: 'own',
    doc: 'File of the certificate chain in PEM, for `https://` addresses. Needs `CertificateKey`.',
    defaultText: 'none',
  },
  certificateKey: {
    key: 'CertificateKey',
    type: optional(pemFile),
    scope: 'own',
    doc: 'File of the key in PEM of `Certificate`.',
    defaultText: 'none',
  },
  http2: {
    key: 'HTTP2',
    type: boolean,
    default: true,
    scope: 'own',
    doc: 'HTTP/2 is spoken on `https://` addresses, beside HTTP/1.1.',
  },
  proxyProtocol: {
    key: 'ProxyProtocol',
    type: boolean,
    default: false,
    scope: 'own',
    doc: 'Each connection begins with a header of the PROXY protocol, version 1 or 2, and what it says is [the client](tcp.md#listen). One without is closed.',
  },
  headersTimeout: {
    key: 'HeadersTimeout',
    type: duration(),
    default: 60,
    scope: 'own',
    doc: 'Time for the head of a request, and for that of the PROXY protocol. `0`: no limit.',
  },
  requestTimeout: {
    key: 'RequestTimeout',
    type: duration(),
    default: 300,
    scope: 'own',
    doc: 'Time for a whole request to arrive. `0`: no limit.',
  },
  keepAliveTimeout: {
    key: 'KeepAliveTimeout',
    type: duration(),
    default: 65,
    scope: 'own',
    doc: 'How long an unused client connection is kept. `0`: no limit.',
  },
  maxConnections: {
    key: 'MaxConnections',
    type: integer(0, 1_000_000_000),
    default: 0,
    scope: 'own',
    doc: 'Client connections at once. `0`: no limit.',
  },
  maxHeaderSize: {
    key: 'MaxHeaderSize',
    type: size(1024, 2 ** 20),
    default: 16_384,
    scope: 'own',
    doc: 'Longest head of a request; 431 beyond it.',
    defaultText: '16k',
  },
  shutdownTimeout: {
    key: 'ShutdownTimeout',
    type: duration(),
    default: 30,
    scope: 'own',
    doc: 'How long requests under way may take once the proxy stops.',
  },
}

/** What the options of one `[LISTEN]` contradict each other in. */
export function listenContradictions(options: ListenOptions): readonly Contradiction[] {
  const { address, certificate, certificateKey } = options
  const needsTls = address.some((each) => each.scheme === 'https')
  if (certificate !== undefined && certificateKey === undefined) {
    return [{ option: 'certificate', message: 'Certificate needs CertificateKey' }]
  }
  if (certificateKey !== undefined && certificate === undefined) {
    return [{ option: 'certificateKey', message: 'CertificateKey needs Certificate' }]
  }
  if (needsTls && certificate === undefined) {
    return [{ option: 'address', message: 'an https:// address needs Certificate and CertificateKey' }]
  }
  if (!needsTls && certificate !== undefined) {
    return [{ option: 'certificate', message: 'Certificate is of no use: no Address begins with https://' }]
  }
  return []
}

/** An address to listen at. Throws an Error with a message for the author of the configuration. */
export function parseListenAddress(text: string): ListenAddress {
  if (/^unix:/i.test(text)) {
    const socketPath = text.slice('unix:'.length).replace(/^\/\//, '')
    if (!socketPath.startsWith('/')) {
      throw new Error(`bad address "${text}"; the path of a socket is absolute, as in unix:/run/p.sock`)
    }
    return { scheme: 'http', host: '', port: 0, socketPath }
  }
  const url = /^([^:/]*):\/\/(.*)$/.exec(text)
  const scheme = url === null ? 'http' : url[1]!.toLowerCase()
  if (scheme !== 'http' && scheme !== 'https') {
    throw new Error(`unknown scheme "${url?.[1]}" in "${text}"; known schemes: http, https, unix`)
  }
  const location = url?.[2] ?? text
  if (location.includes('@') || /[/?#]/.test(location)) {
    throw new Error(`bad address "${text}"; it consists of a host and a port, as in 127.0.0.1:8080`)
  }
  const portOnly = /^(?:\*?:)?(\d+)$/.exec(location)
  if (portOnly !== null) {
    return { scheme, host: '', port: parsePort(portOnly[1]!, text, 0), socketPath: undefined }
  }
  const defaultPort = url === null ? undefined : scheme === 'https' ? 443 : 80
  return { scheme, ...parseLocation(location, defaultPort, text, 0), socketPath: undefined }
}
