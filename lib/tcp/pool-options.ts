import { type OptionTable, type ResolveContext, show, ValueProblem } from '../config/section.js'
import { unknown } from '../config/suggest.js'
import { boolean } from '../config/types.js'
import { parseLocation, parseServer, parseWeight, type ServerAddress, type ServerSpec } from '../pool/address.js'
import { type HealthOptions, healthTable } from '../pool/health-options.js'
import { type PoolConfig, type PoolOptions, poolTable, serverList } from '../pool/options.js'

/** The options that mean the same for HTTP. */
type SharedName =
  | 'loadBalance'
  | 'highAvailability'
  | 'offlineTimeOut'
  | 'attemptsCount'
  | 'failOpen'
  | 'maxConnections'
  | 'queueLength'
  | 'queueTimeout'
  | 'slowStart'

/** The servers of TCP connections and how one is chosen: the public form. Durations are seconds, or text as `250ms`. */
export interface TcpPoolConfig extends Pick<PoolConfig, SharedName> {
  /** Servers: `10.0.0.1:5432`, `[::1]:5432`, `db:5432`, `unix:/run/app.sock`; `*3` behind one is its weight. */
  serverList?: string | readonly string[]
  /** Servers used only while none of `serverList` is eligible. Default: none. */
  backupList?: string | readonly string[]
  /** Servers are asked again and again whether they accept connections. Default: false. */
  healthCheck?: boolean | string
  /** Time from one check to the next, in seconds. Default: 30. */
  healthInterval?: number | string
  /** Time for the connection, in seconds. Default: 5. */
  healthTimeout?: number | string
  /** Failures in a row after which a server is down. Default: 3. */
  healthFails?: number | string
  /** Passes in a row after which it is up again. Default: 2. */
  healthPasses?: number | string
}

/** The servers of TCP connections and how one is chosen. Durations are milliseconds. */
export interface TcpPoolOptions
  extends Pick<PoolOptions, 'serverList' | 'backupList' | SharedName>,
    Pick<HealthOptions, 'healthInterval' | 'healthTimeout' | 'healthFails' | 'healthPasses'> {
  readonly healthCheck: boolean
}

const { loadBalance, highAvailability, offlineTimeOut, attemptsCount, failOpen } = poolTable
const { maxConnections, queueLength, queueTimeout, slowStart } = poolTable
const { healthInterval, healthFails, healthPasses } = healthTable

/** The keys of pools for TCP. Those that mean the same for HTTP are the same. */
export const tcpPoolTable: OptionTable<TcpPoolConfig, TcpPoolOptions> = {
  serverList: {
    key: 'ServerList',
    type: serverList(parseTcpServer),
    scope: 'own',
    doc: 'Servers: `10.0.0.1:5432`, `db:5432`, `[::1]:5432`, `unix:/run/app.sock`. `*3` behind a server is its weight.',
    defaultText: 'required',
  },
  backupList: {
    key: 'BackupList',
    type: serverList(parseTcpServer, true),
    default: [],
    scope: 'own',
    doc: 'Servers used only while no server of `ServerList` is eligible.',
  },
  loadBalance: { ...loadBalance, scope: 'own' },
  highAvailability: { ...highAvailability, scope: 'own' },
  offlineTimeOut: { ...offlineTimeOut, scope: 'own' },
  attemptsCount: { ...attemptsCount, scope: 'own' },
  failOpen: {
    ...failOpen,
    scope: 'own',
    doc: 'When every server is offline, try the one that failed longest ago.',
  },
  maxConnections: { ...maxConnections, scope: 'own', doc: 'Connections at once per server. `0`: no limit.' },
  queueLength: {
    ...queueLength,
    scope: 'own',
    doc: 'Connections that may wait when every server is at its limit.',
  },
  queueTimeout: {
    ...queueTimeout,
    scope: 'own',
    doc: 'How long a connection may wait for a server. `0`: not at all.',
  },
  slowStart: { ...slowStart, scope: 'own' },
  healthCheck: {
    key: 'HealthCheck',
    type: boolean,
    default: false,
    scope: 'own',
    doc: 'Servers are asked again and again whether they accept connections. One that does not is `down`, and gets none.',
  },
  healthInterval: { ...healthInterval, scope: 'own' },
  healthTimeout: { ...healthTable.healthTimeout, scope: 'own', doc: 'Time for the connection of a check.' },
  healthFails: { ...healthFails, scope: 'own' },
  healthPasses: { ...healthPasses, scope: 'own' },
}

/** A server as a list names it. @throws Error with a message for the author of the list. */
export function parseTcpServer(text: string): ServerSpec {
  if (/^unix:/i.test(text)) return parseServer(text)
  const [, kind, rest = ''] = /^([a-z0-9]+):(.*)$/is.exec(text) ?? []
  if (kind !== undefined && kind.toLowerCase() !== 'tcp' && (rest.startsWith('//') || isSourceKind(kind, rest))) {
    throw new Error(`bad server address "${text}"; servers of TCP are host:port or unix:/path`)
  }
  const [, location = '', weight] = /^([^*]*)(?:\*(.*))?$/s.exec(text) ?? []
  const { host, port } = parseLocation(location.replace(/^tcp:\/\//i, ''), undefined, text)
  const authority = `${host.includes(':') ? `[${host}]` : host}:${port}`
  const address: ServerAddress = {
    id: `tcp://${authority}`,
    scheme: 'tcp',
    host,
    port,
    socketPath: undefined,
    secure: false,
    authority,
  }
  return { address, weight: weight === undefined ? 1 : parseWeight(weight, text) }
}

/** `worker:api` and `dns:api:80` are sources of HTTP; `dns:53` is a host. */
function isSourceKind(kind: string, rest: string): boolean {
  return /^(?:worker|dns|srv)$/i.test(kind) && !/^\d+(?:\*\d*)?$/.test(rest)
}

const noFiles: ResolveContext = {
  readFile: () => {
    throw new ValueProblem('no file can be named here')
  },
}

/** @throws {TypeError} naming the option that is wrong */
export function resolveTcpPool(config: TcpPoolConfig): TcpPoolOptions {
  if (typeof config !== 'object' || config === null) throw new TypeError(`a pool is an object, not ${show(config)}`)
  const resolved: Record<string, unknown> = {}
  for (const name of Object.keys(config)) {
    if (!Object.hasOwn(tcpPoolTable, name)) throw new TypeError(unknown('option', name, Object.keys(tcpPoolTable)))
  }
  for (const [name, { type, default: usual }] of Object.entries(tcpPoolTable)) {
    const given = config[name as keyof TcpPoolConfig]
    if (given === undefined && name === 'serverList') throw new TypeError('serverList is missing')
    try {
      resolved[name] = type.resolve(given === undefined ? usual : type.accept(given), noFiles)
    } catch (error) {
      throw new TypeError(`${name}: ${(error as Error).message}`, { cause: error })
    }
  }
  return resolved as unknown as TcpPoolOptions
}
