import type { BalancerFactory } from '../balancers/balancer.js'
import { balancerNames, canonicalBalancerName, findBalancer } from '../balancers/registry.js'
import { list } from '../config/lists.js'
import { eachItem, type OptionTable, type OptionType, ValueProblem } from '../config/section.js'
import { type StatusItem, type StatusTest, statuses } from '../config/statuses.js'
import { unknown } from '../config/suggest.js'
import { isToken } from '../config/tokens.js'
import { boolean, duration, integer, optional, scalar, text } from '../config/types.js'
import { type HealthConfig, type HealthOptions, healthTable } from './health-options.js'
import { type Listed, parseListed } from './source.js'

/** The servers of an entry and how one is chosen: the public form. Durations are seconds, or text such as `250ms`. */
export interface PoolConfig extends HealthConfig {
  /**
   * Servers: `10.0.0.1:80`, `[::1]:80`, `https://h`, `h2c://h:80`, `unix:/run/app.sock`, `worker:NAME`, `dns:NAME:PORT`,
   * `srv:NAME`; `*3` behind one is its weight.
   */
  serverList?: string | readonly string[]
  /** Servers used only while none of `serverList` is eligible. Default: none. */
  backupList?: string | readonly string[]
  /** Name of the balancer. Default: `Round-Robin`. */
  loadBalance?: string
  /** What the hash balancers look at: `source`, `uri`, `path`, `header:NAME`, `cookie:NAME`. Default: `source`. */
  hashKey?: string
  /** Name of the cookie that ties a client to its server, or false. Default: false. */
  stickyCookie?: string | false
  /** Servers that fail are left alone for a while. Default: true. */
  highAvailability?: boolean | string
  /** How long an offline server is left alone, in seconds; 0 is the same as no `highAvailability`. Default: 60. */
  offlineTimeOut?: number | string
  /** Consecutive failures after which a server is offline. Default: 2. */
  attemptsCount?: number | string
  /** With every server offline, the one that failed longest ago is tried once. Default: true. */
  failOpen?: boolean | string
  /** Response codes that also count as failures: `[500, '502-504']`. Default: none. */
  failStatus?: StatusItem | readonly StatusItem[]
  /** Requests under way at once per server; 0: no limit. Default: 0. */
  maxConnections?: number | string
  /** Requests that may wait for a server. Default: 1000. */
  queueLength?: number | string
  /** How long one may wait, in seconds. Default: 5. */
  queueTimeout?: number | string
  /** How long the weight of a server that returns takes to grow, in seconds; 0: at once. Default: 0. */
  slowStart?: number | string
}

/** A balancer by its name. */
export interface NamedBalancer {
  /** In the registry's spelling. */
  readonly name: string
  readonly factory: BalancerFactory
}

/** What a hash balancer looks at. Header names are in lower case. */
export type HashKey =
  | { readonly kind: 'source' | 'uri' | 'path' }
  | { readonly kind: 'header' | 'cookie'; readonly name: string }

/** The servers of an entry and how one is chosen. Durations are milliseconds. */
export interface PoolOptions extends HealthOptions {
  /** Every item as it was listed, in order; a server that is listed twice is there twice. */
  readonly serverList: readonly Listed[]
  readonly backupList: readonly Listed[]
  readonly loadBalance: NamedBalancer
  readonly hashKey: HashKey
  readonly stickyCookie: string | undefined
  /** False also where `offlineTimeOut` of the entry is 0. */
  readonly highAvailability: boolean
  /** Milliseconds. */
  readonly offlineTimeOut: number
  readonly attemptsCount: number
  readonly failOpen: boolean
  /** Tells which response codes count as failures; undefined: none. */
  readonly failStatus: StatusTest | undefined
  /** 0: no limit. */
  readonly maxConnections: number
  readonly queueLength: number
  /** Milliseconds. */
  readonly queueTimeout: number
  /** Milliseconds; 0: at once. */
  readonly slowStart: number
}

/** The keys of `pool/`. */
export const poolTable: OptionTable<PoolConfig, PoolOptions> = {
  serverList: {
    key: 'ServerList',
    type: serverList(parseListed),
    scope: 'both',
    doc: 'Servers: `10.0.0.1:80`, `[::1]:80`, `http://h:80`, `https://h`, `h2c://h:80` and `h2://h` ([HTTP/2](forwarding.md#http2-servers-and-grpc) without TLS and with it, for gRPC too), `unix:/run/app.sock`; `worker:NAME`: those that [dial in](workers.md); `dns:NAME:PORT`, `srv:NAME`: what [DNS](discovery.md) says. `*3` behind a server is its weight; listed n times, it has weight n.',
    defaultText: 'required',
  },
  backupList: {
    key: 'BackupList',
    type: serverList(parseListed, true),
    default: [],
    scope: 'both',
    doc: 'Servers used only while no server of `ServerList` is eligible.',
  },
  loadBalance: {
    key: 'LoadBalance',
    aliases: ['LoadBalancer'],
    type: balancerType(),
    default: 'Round-Robin',
    scope: 'both',
    doc: 'How a server is chosen. Case, spaces, `-` and `_` do not count in the name.',
  },
  hashKey: {
    key: 'HashKey',
    type: hashKeyType(),
    default: 'source',
    scope: 'both',
    doc: 'What the hash balancers look at.',
  },
  stickyCookie: {
    key: 'StickyCookie',
    type: optional(
      text('cookie name', (name) => {
        if (!isToken(name)) throw new ValueProblem(`"${name}" is not a cookie name`)
      }),
    ),
    scope: 'both',
    doc: 'Name of the cookie that ties a client to its server while that server is eligible.',
    defaultText: 'Off',
  },
  highAvailability: {
    key: 'HighAvailability',
    type: boolean,
    default: true,
    scope: 'both',
    doc: 'Servers that fail again and again are left alone for a while.',
  },
  offlineTimeOut: {
    key: 'OfflineTimeOut',
    type: duration(),
    default: 60,
    scope: 'both',
    doc: 'How long an offline server is left alone. `0` is `HighAvailability Off`.',
  },
  attemptsCount: {
    key: 'AttemptsCount',
    type: integer(1, 1_000_000),
    default: 2,
    scope: 'both',
    doc: 'Consecutive failures after which a server is offline.',
  },
  failOpen: {
    key: 'FailOpen',
    type: boolean,
    default: true,
    scope: 'both',
    doc: 'When every server is offline, try the one that failed longest ago, once. Off: answer 503 at once.',
  },
  failStatus: {
    key: 'FailStatus',
    type: statuses,
    default: [],
    scope: 'both',
    doc: 'Response codes that also count as a failure of the server.',
  },
  maxConnections: {
    key: 'MaxConnections',
    type: integer(0, 1_000_000),
    default: 0,
    scope: 'both',
    doc: 'Requests at once per server. `0`: no limit.',
  },
  queueLength: {
    key: 'QueueLength',
    type: integer(0, 1_000_000),
    default: 1000,
    scope: 'both',
    doc: 'Requests that may wait when every server is at its limit.',
  },
  queueTimeout: {
    key: 'QueueTimeout',
    type: duration(),
    default: 5,
    scope: 'both',
    doc: 'How long a request may wait for a server. `0`: not at all.',
  },
  slowStart: {
    key: 'SlowStart',
    type: duration(),
    default: 0,
    scope: 'both',
    doc: 'How long the weight of a server that returns takes to grow from a tenth to all of it. `0`: at once.',
  },
  ...healthTable,
}

/** A list of servers, of which `parse` takes each. */
export function serverList<Server>(
  parse: (text: string) => Server,
  mayBeEmpty = false,
): OptionType<readonly string[], readonly Server[]> {
  return list({ describe: 'servers', mayBeEmpty, resolve: (items) => eachItem(items, parse) })
}

function balancerType(): OptionType<string, NamedBalancer> {
  return scalar({
    describe: 'balancer',
    // A name that nobody registered stays as it is until it is looked up.
    fromText: (name) => canonicalBalancerName(name) ?? name,
    resolve(name) {
      const factory = findBalancer(name)
      if (factory === undefined) throw new ValueProblem(unknown('balancer', name, balancerNames()))
      return { name: canonicalBalancerName(name) ?? name, factory }
    },
  })
}

function hashKeyType(): OptionType<string, HashKey> {
  const kinds = ['source', 'uri', 'path', 'header:NAME', 'cookie:NAME']
  return scalar({
    describe: '`source`, `uri`, `path`, `header:NAME` or `cookie:NAME`',
    fromText(value) {
      const [kind, name] = splitKey(value)
      return name === undefined ? kind : `${kind}:${kind === 'header' ? name.toLowerCase() : name}`
    },
    resolve(value) {
      const [kind, name] = splitKey(value)
      if ((kind === 'source' || kind === 'uri' || kind === 'path') && name === undefined) return { kind }
      if (kind !== 'header' && kind !== 'cookie') throw new ValueProblem(unknown('hash key', value, kinds))
      if (name === undefined || !isToken(name)) throw new ValueProblem(`"${value}" does not name a ${kind}`)
      return { kind, name }
    },
  })
}

function splitKey(value: string): [kind: string, name: string | undefined] {
  const colon = value.indexOf(':')
  return colon < 0 ? [value.toLowerCase(), undefined] : [value.slice(0, colon).toLowerCase(), value.slice(colon + 1)]
}
