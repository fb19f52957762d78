/** The sections of a configuration, put together from the tables of the features. */

import {
  clusterTable,
  type ClusterConfig as ProcessesConfig,
  type ClusterOptions as ProcessesOptions,
} from '../cluster/options.js'
import { type DnsConfig, type DnsOptions, dnsTable } from '../discovery/dns-options.js'
import {
  type RegistryConfig,
  type RegistryOptions,
  registryContradictions,
  registryTable,
} from '../discovery/options.js'
import { type ForwardConfig, type ForwardOptions, forwardTable } from '../forward/options.js'
import { type ListenConfig, type ListenOptions, listenContradictions, listenTable } from '../listen/options.js'
import { type LogConfig, type LogOptions, logTable } from '../log/options.js'
import {
  type ManagementConfig,
  type ManagementOptions,
  managementContradictions,
  managementTable,
} from '../management/options.js'
import { type MatchConfig, type MatchOptions, matchTable } from '../match/options.js'
import { type PoolConfig, type PoolOptions, poolTable } from '../pool/options.js'
import { type TcpEntryConfig, type TcpEntryOptions, tcpEntryTable } from '../tcp/entry-options.js'
import {
  type TransportConfig,
  type TransportOptions,
  transportContradictions,
  transportTable,
} from '../transports/options.js'
import { type WorkersConfig, type WorkersOptions, workersContradictions, workersTable } from '../workers/options.js'
import type { Contradiction, Option } from './section.js'
import { unknown } from './suggest.js'

/** What entries inherit: the part of a configuration object that stands for `[PROXY_DEFAULTS]`. */
export interface DefaultsConfig extends PoolConfig, ForwardConfig, TransportConfig, DnsConfig {}

/** One entry: the part of a configuration object that stands for a `[PROXY_ENTRY]`. */
export interface EntryConfig extends MatchConfig, PoolConfig, Omit<ForwardConfig, 'statisticsURL'>, TransportConfig {
  /** Label of the entry, unique. Default: `entry 1` for the first, and so on. */
  name?: string
}

/**
 * A configuration as an object. Every key of a file has its counterpart here, in camelCase; durations are seconds or
 * text such as `250ms`, sizes bytes or text such as `64k`.
 *
 * @example
 * const config: Config = {
 *   defaults: { loadBalance: 'First-Alive' },
 *   entries: [{ match: ['/*.php'], serverList: ['10.0.0.1:80', '10.0.0.2:80'] }],
 * }
 */
export interface Config {
  defaults?: DefaultsConfig
  /** Tried in this order; the first that matches takes the request. */
  entries?: readonly EntryConfig[]
  /** Connections that are passed on as they are, by the command line; the library itself has `pointsman/tcp`. */
  tcp?: readonly TcpEntryConfig[]
  /** Where the command line listens; the library itself does not. */
  listen?: readonly ListenConfig[]
  /** The management API of the command line. */
  management?: ManagementConfig
  /** Where workers dial in to the command line; `worker:NAME` in a `serverList` takes them. */
  workers?: WorkersConfig
  /** How many processes the command line starts, and with which other machines it shares its pools. */
  cluster?: ClusterConfig
  /** What the command line writes down. */
  log?: LogConfig
}

/** How many processes the command line starts, and with which other machines it shares its pools. */
export interface ClusterConfig extends ProcessesConfig, RegistryConfig {}

/** The options of `[CLUSTER]`, ready to work with. */
export interface ClusterOptions extends ProcessesOptions, RegistryOptions {}

/** The options of one entry, ready to work with. */
export interface EntryOptions extends MatchOptions, PoolOptions, ForwardOptions, TransportOptions, DnsOptions {}

/** A section by what may stand in it. */
export interface SectionSchema {
  /** As written in a file. */
  readonly name: string
  /** Where it goes in a configuration object. */
  readonly property: 'defaults' | 'entries' | 'tcp' | 'listen' | 'management' | 'workers' | 'cluster' | 'log'
  /** Each such section stands for itself; without it, several are one section in pieces. */
  readonly repeated?: true
  /** It may have a label, which is `name` in objects. */
  readonly labelled?: true
  /** By their name in objects. */
  readonly options: ReadonlyMap<string, Option<unknown, unknown>>
  /** What it is for, for the reference page. */
  readonly doc: string
}

const entryTable: Readonly<Record<string, Option<unknown, unknown>>> = {
  ...matchTable,
  ...poolTable,
  ...forwardTable,
  ...transportTable,
  ...dnsTable,
}

/** Every option that an entry has in the end, by its name in objects. */
export const entryOptions: ReadonlyMap<string, Option<unknown, unknown>> = new Map(Object.entries(entryTable))

function entryOptionsIn(scope: 'entry' | 'defaults'): ReadonlyMap<string, Option<unknown, unknown>> {
  return new Map([...entryOptions].filter(([, option]) => option.scope === 'both' || option.scope === scope))
}

export const defaultsSchema: SectionSchema = {
  name: 'PROXY_DEFAULTS',
  property: 'defaults',
  options: entryOptionsIn('defaults'),
  doc: 'What every entry inherits, key by key, where it does not set the key itself.',
}

export const entrySchema: SectionSchema = {
  name: 'PROXY_ENTRY',
  property: 'entries',
  repeated: true,
  labelled: true,
  options: entryOptionsIn('entry'),
  doc: 'Which requests go to which servers, and how. `[PROXY_ENTRY label]` names the entry; labels are unique.',
}

export const tcpSchema: SectionSchema = {
  name: 'TCP_ENTRY',
  property: 'tcp',
  repeated: true,
  labelled: true,
  options: new Map(Object.entries<Option<unknown, unknown>>({ ...tcpEntryTable })),
  doc: 'Connections that are passed on as they are, by the port or by the name that a TLS client asks for: [tcp.md](tcp.md#tcp_entry). `[PROXY_DEFAULTS]` does not count here, and labels are unique among all entries.',
}

export const listenSchema: SectionSchema = {
  name: 'LISTEN',
  property: 'listen',
  repeated: true,
  options: new Map(Object.entries<Option<unknown, unknown>>({ ...listenTable })),
  doc: 'Where the command line listens. The library does not listen by itself, and only checks this section.',
}

export const managementSchema: SectionSchema = {
  name: 'MANAGEMENT',
  property: 'management',
  options: new Map(Object.entries<Option<unknown, unknown>>({ ...managementTable })),
  doc: 'The management API and the dashboard of the command line: [management-api.md](management-api.md).',
}

export const workersSchema: SectionSchema = {
  name: 'WORKERS',
  property: 'workers',
  options: new Map(Object.entries<Option<unknown, unknown>>({ ...workersTable })),
  doc: 'Where servers that the proxy knows nothing of dial in: [workers.md](workers.md).',
}

export const clusterSchema: SectionSchema = {
  name: 'CLUSTER',
  property: 'cluster',
  options: new Map(Object.entries<Option<unknown, unknown>>({ ...clusterTable, ...registryTable })),
  doc: 'With how many processes the command line serves: [processes.md](processes.md), and what it shares with other machines: [registry.md](registry.md).',
}

export const logSchema: SectionSchema = {
  name: 'LOG',
  property: 'log',
  options: new Map(Object.entries<Option<unknown, unknown>>({ ...logTable })),
  doc: 'What the command line writes down: [monitoring.md](monitoring.md).',
}

/** In the order of the reference page. */
export const sectionSchemas: readonly SectionSchema[] = [
  defaultsSchema,
  entrySchema,
  tcpSchema,
  listenSchema,
  managementSchema,
  workersSchema,
  clusterSchema,
  logSchema,
]

/** What to say of a name in an object that is no option of its section. */
export function unknownName(schema: SectionSchema, name: string): string {
  const homes = sectionSchemas.filter(({ options }) => options.has(name))
  if (homes.length > 0) return `"${name}" belongs in ${homes.map(({ property }) => property).join(' or ')}`
  return unknown('key', name, [...schema.options.keys(), ...(schema.labelled === true ? ['name'] : [])])
}

/** What the options of an entry contradict each other in. */
export function entryContradictions(options: EntryOptions): readonly Contradiction[] {
  return transportContradictions(options)
}

export {
  type ListenConfig,
  type ListenOptions,
  type LogOptions,
  listenContradictions,
  type ManagementOptions,
  managementContradictions,
  registryContradictions as clusterContradictions,
  type TcpEntryConfig,
  type TcpEntryOptions,
  type WorkersOptions,
  workersContradictions,
}
