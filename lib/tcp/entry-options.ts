/** The keys of `[TCP_ENTRY]`. */

import { list } from '../config/lists.js'
import { eachItem, type OptionTable, type OptionType, show, ValueProblem } from '../config/section.js'
import { boolean, duration, integer, optional, scalar } from '../config/types.js'
import { compileHost, type Pattern } from '../match/pattern.js'
import { parseTcpListen, type TcpListenAddress } from './listen-address.js'
import { type CheckedOptions, checkOptions } from './options.js'
import { type TcpPoolConfig, type TcpPoolOptions, tcpPoolTable } from './pool-options.js'

/** One `[TCP_ENTRY]`: the public form. Durations are seconds, or text such as `250ms`. */
export interface TcpEntryConfig extends TcpPoolConfig {
  /** Label of the entry, unique. Default: `tcp 1` for the first, and so on. */
  name?: string
  /** `5432`, `127.0.0.1:5432`, `[::1]:5432`, `*:5432`, `unix:/run/tcp.sock`; one or more. */
  listen?: string | number | readonly (string | number)[]
  /** Globs of the name that a TLS client asks for (SNI). Default: the entry takes what no other takes. */
  serverName?: string | readonly string[]
  /** Version of the PROXY protocol in which servers are told of the client, or false. Default: false. */
  proxyProtocol?: 'v1' | 'v2' | false
  /** Every client connection begins with a header of the PROXY protocol. Default: false. */
  acceptProxyProtocol?: boolean | string
  /** Time for one try to connect to a server, in seconds. Default: 5. */
  connectTimeout?: number | string
  /** How often all servers are tried again, while the client is kept. Default: 10. */
  connectRetries?: number | string
  /** Time until they are tried again, in seconds. Default: 0.1. */
  retryDelay?: number | string
  /** Time from the connection to the first byte of the server, in seconds; 0: no limit. Default: 0. */
  inactivityTimeout?: number | string
  /** Time without a byte in either direction, in seconds; 0: no limit. Default: 0. */
  idleTimeout?: number | string
}

/** One `[TCP_ENTRY]`. Durations are milliseconds. */
export interface TcpEntryOptions extends TcpPoolOptions {
  readonly listen: readonly TcpListenAddress[]
  /** Compiled globs, or undefined: the entry takes what no other takes. */
  readonly serverName: readonly Pattern[] | undefined
  readonly proxyProtocol: 1 | 2 | undefined
  readonly acceptProxyProtocol: boolean
  /** Milliseconds. */
  readonly connectTimeout: number
  readonly connectRetries: number
  /** Milliseconds. */
  readonly retryDelay: number
  /** Milliseconds; 0: no limit. */
  readonly inactivityTimeout: number
  /** Milliseconds; 0: no limit. */
  readonly idleTimeout: number
}

const version: OptionType<'v1' | 'v2', 1 | 2> = scalar<'v1' | 'v2', 1 | 2>({
  describe: 'v1 or v2',
  fromText(text) {
    if (/^v?[12]$/i.test(text)) return text.endsWith('1') ? 'v1' : 'v2'
    throw new ValueProblem(`${show(text)} is no version of the PROXY protocol; write v1, v2 or Off`)
  },
  resolve: (value) => (value === 'v1' ? 1 : 2),
})

/** The keys of `[TCP_ENTRY]`. */
export const tcpEntryTable: OptionTable<Omit<TcpEntryConfig, 'name'>, TcpEntryOptions> = {
  listen: {
    key: 'Listen',
    type: list({ describe: 'addresses', resolve: (items) => eachItem(items, (item) => parseTcpListen(item)) }),
    scope: 'own',
    doc: 'Where to listen: `5432`, `127.0.0.1:5432`, `[::1]:5432`, `*:5432`, `unix:/run/tcp.sock`. Entries that `ServerName` tells apart may share an address.',
    defaultText: 'required',
  },
  serverName: {
    key: 'ServerName',
    type: list({ describe: 'globs', resolve: (items) => eachItem(items, (item) => compileHost(item)) }),
    scope: 'own',
    doc: 'Globs of the name that a TLS client asks for (SNI). An entry without takes what no other of its address takes.',
    defaultText: 'none',
  },
  ...tcpPoolTable,
  proxyProtocol: {
    key: 'ProxyProtocol',
    type: optional(version),
    scope: 'own',
    doc: 'Servers are told of the client by a header of the PROXY protocol of this version.',
    defaultText: 'Off',
  },
  acceptProxyProtocol: {
    key: 'AcceptProxyProtocol',
    type: boolean,
    default: false,
    scope: 'own',
    doc: 'Each client connection begins with a header of the PROXY protocol, version 1 or 2. One without is closed.',
  },
  connectTimeout: {
    key: 'ConnectTimeout',
    type: duration('positive'),
    default: 5,
    scope: 'own',
    doc: 'Time for one try to connect to a server.',
  },
  connectRetries: {
    key: 'ConnectRetries',
    type: integer(0, 1_000_000),
    default: 10,
    scope: 'own',
    doc: 'How often all servers are tried again when none can be reached, while the client is kept.',
  },
  retryDelay: {
    key: 'RetryDelay',
    type: duration('positive'),
    default: 0.1,
    scope: 'own',
    doc: 'Time until they are tried again.',
    defaultText: '100ms',
  },
  inactivityTimeout: {
    key: 'InactivityTimeout',
    type: duration(),
    default: 0,
    scope: 'own',
    doc: 'Time from the connection to the first byte of the server. `0`: no limit.',
  },
  idleTimeout: {
    key: 'IdleTimeout',
    type: duration(),
    default: 0,
    scope: 'own',
    doc: 'Time without a byte in either direction after which both sides are closed. `0`: no limit.',
  },
}

/** How connections of an entry are carried. */
export function carriageOf(options: TcpEntryOptions): CheckedOptions {
  const { connectTimeout, connectRetries, retryDelay, inactivityTimeout, idleTimeout, proxyProtocol } = options
  return checkOptions({
    connectTimeout,
    connectRetries,
    retryDelay,
    inactivityTimeout,
    idleTimeout,
    sendProxyProtocol: proxyProtocol ?? false,
  })
}
