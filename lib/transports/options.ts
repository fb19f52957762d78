import { X509Certificate } from 'node:crypto'
import { createSecureContext, type SecureContextOptions } from 'node:tls'
import { pemFile } from '../config/files.js'
import { type Contradiction, type OptionTable, type OptionType, show, ValueProblem } from '../config/section.js'
import { unknown } from '../config/suggest.js'
import { isFieldValue, isToken } from '../config/tokens.js'
import { boolean, duration, integer, oneOf, optional, text } from '../config/types.js'
import type { HttpProxyOptions } from './http-proxy/transport.js'
import { type TransportName, transportNames } from './names.js'
import type { ConnectionOptions } from './transport.js'

/** How requests are carried to servers: the public form. Durations are seconds, or text such as `250ms`. */
export interface TransportConfig {
  /** Name of the transport. Default: the fastest there is. */
  transport?: TransportName
  /** For TCP and TLS together, in seconds. Default: 5. */
  connectTimeout?: number | string
  /** How long an unused connection is kept, in seconds; 0: not at all. Default: 4. */
  keepAliveTimeout?: number | string
  /** Unused connections kept per server. Default: 256. */
  keepAliveConnections?: number | string
  /** Certificate authorities in PEM in place of the system's: a file, or the text itself. */
  upstreamCA?: string | false
  /** Certificate that is shown to servers, in PEM: a file, or the text itself. */
  upstreamCertificate?: string | false
  /** Its key in PEM: a file, or the text itself. */
  upstreamKey?: string | false
  /** Name for SNI and for the certificate's check, in place of the server's host. */
  upstreamServerName?: string | false
  /** The certificates of servers are checked. Default: true. */
  upstreamVerify?: boolean | string
  /** Options of the http-proxy package, for the transport of that name. Not available in a file. */
  httpProxy?: HttpProxyOptions
}

/** How requests are carried to servers. Durations are milliseconds, certificates and keys are text in PEM. */
export interface TransportOptions extends ConnectionOptions {
  readonly transport: TransportName
  readonly httpProxy: HttpProxyOptions | undefined
}

/** The keys of `transports/`. */
export const transportTable: OptionTable<TransportConfig, TransportOptions> = {
  transport: {
    key: 'Transport',
    type: oneOf('transport', transportNames),
    default: transportNames[0],
    scope: 'both',
    doc: 'What carries requests to the servers.',
  },
  connectTimeout: {
    key: 'ConnectTimeout',
    type: duration('positive'),
    default: 5,
    scope: 'both',
    doc: 'Time for a connection to a server to stand, TLS included.',
  },
  keepAliveTimeout: {
    key: 'KeepAliveTimeout',
    type: duration(),
    default: 4,
    scope: 'both',
    doc: "How long an unused connection to a server is kept. The server's own `Keep-Alive: timeout` shortens it. `0`: not at all.",
  },
  keepAliveConnections: {
    key: 'KeepAliveConnections',
    type: integer(0, 1_000_000),
    default: 256,
    scope: 'both',
    doc: 'Unused connections that are kept per server.',
  },
  upstreamCA: {
    key: 'UpstreamCA',
    type: optional(pemFile),
    scope: 'both',
    doc: "File of certificate authorities in PEM, in place of the system's.",
    defaultText: "the system's",
  },
  upstreamCertificate: {
    key: 'UpstreamCertificate',
    type: optional(pemFile),
    scope: 'both',
    doc: 'File of the certificate in PEM that is shown to servers. Needs `UpstreamKey`.',
    defaultText: 'none',
  },
  upstreamKey: {
    key: 'UpstreamKey',
    type: optional(pemFile),
    scope: 'both',
    doc: 'File of the key in PEM of `UpstreamCertificate`.',
    defaultText: 'none',
  },
  upstreamServerName: {
    key: 'UpstreamServerName',
    type: optional(
      text('host name', (name) => {
        if (!/^[A-Za-z0-9_.-]+$/.test(name)) throw new ValueProblem(`"${name}" is not a host name`)
      }),
    ),
    scope: 'both',
    doc: "Name for SNI and for the check of a server's certificate.",
    defaultText: "the server's host",
  },
  upstreamVerify: {
    key: 'UpstreamVerify',
    type: boolean,
    default: true,
    scope: 'both',
    doc: 'The certificates of servers are checked.',
  },
  httpProxy: {
    key: 'HttpProxy',
    type: httpProxyType(),
    scope: 'both',
    doc: 'Options of the http-proxy package (`auth`, `headers`, `changeOrigin`, `localAddress`); only in a configuration object.',
    defaultText: 'none',
  },
}

/** What the options of one entry contradict each other in. */
export function transportContradictions(options: TransportOptions): readonly Contradiction[] {
  if (options.upstreamCertificate !== undefined && options.upstreamKey === undefined) {
    return [{ option: 'upstreamCertificate', message: 'UpstreamCertificate needs UpstreamKey' }]
  }
  if (options.upstreamKey !== undefined && options.upstreamCertificate === undefined) {
    return [{ option: 'upstreamKey', message: 'UpstreamKey needs UpstreamCertificate' }]
  }
  return [
    ...unusable('upstreamCertificate', { cert: options.upstreamCertificate, key: options.upstreamKey }),
    ...unusable('upstreamCA', { ca: options.upstreamCA }),
  ]
}

/** What Node would tell with every connection to a server. */
function unusable(option: keyof TransportOptions, { ca, cert, key }: SecureContextOptions): readonly Contradiction[] {
  try {
    createSecureContext({ ...(cert && { cert }), ...(key && { key }) })
    // Node passes over authorities that it cannot read.
    if (ca) new X509Certificate(ca as string)
    return []
  } catch (error) {
    return [{ option, message: `cannot be used: ${(error as Error).message}` }]
  }
}

type Check = (value: unknown) => boolean

const httpProxyChecks: Readonly<Record<string, readonly [expected: string, check: Check]>> = {
  auth: ['a string such as "user:password"', (value) => typeof value === 'string' && value.includes(':')],
  headers: ['an object of header fields', isHeaderObject],
  changeOrigin: ['true or false', (value) => typeof value === 'boolean'],
  localAddress: ['an IP address', (value) => typeof value === 'string' && value !== ''],
}

function httpProxyType(): OptionType<HttpProxyOptions> {
  return {
    describe: 'object',
    parse() {
      throw new ValueProblem('HttpProxy can only be given in a configuration object')
    },
    accept(value) {
      if (typeof value !== 'object' || value === null || Array.isArray(value)) {
        throw new ValueProblem(`expected an object of options for http-proxy, not ${show(value)}`)
      }
      const names = Object.keys(httpProxyChecks)
      const given = Object.entries(value).filter(([, each]) => each !== undefined)
      for (const [name, each] of given) {
        if (!Object.hasOwn(httpProxyChecks, name)) {
          const message = unknown('option of http-proxy', name, names)
          throw new ValueProblem(message.includes('known:') ? message : `${message} Allowed: ${names.join(', ')}`, name)
        }
        const [expected, check] = httpProxyChecks[name]!
        if (!check(each)) throw new ValueProblem(`expected ${expected}, not ${show(each)}`, name)
      }
      return Object.fromEntries(given)
    },
    resolve: (value) => value,
    format: () => [],
  }
}

function isHeaderObject(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  return Object.entries(value).every(
    ([name, field]) => isToken(name) && typeof field === 'string' && isFieldValue(field),
  )
}
