/** A configuration that was checked, as the parts of the proxy work with it. */

import type { Place } from './diagnostics.js'
import type {
  ClusterOptions,
  EntryOptions,
  ListenOptions,
  LogOptions,
  ManagementOptions,
  TcpEntryOptions,
  WorkersOptions,
} from './schema.js'

/** One entry, ready to work with. */
export interface ResolvedEntry {
  /** Its label, or `entry 1` for the first, and so on; unique. */
  readonly name: string
  readonly isLabelled: boolean
  /** Its own options, those of the defaults, and those of the tables, in this order of precedence. */
  readonly options: EntryOptions
  readonly place: Place
  /** Where each pattern of `options.match` stands. */
  readonly patternPlaces: readonly Place[]
}

/** One TCP entry, ready to work with. */
export interface ResolvedTcpEntry {
  /** Its label, or `tcp 1` for the first, and so on; unique, among the other entries too. */
  readonly name: string
  readonly isLabelled: boolean
  readonly options: TcpEntryOptions
  readonly place: Place
  /** Where each address of `options.listen` stands, and each glob of `options.serverName`. */
  readonly listenPlaces: readonly Place[]
  readonly namePlaces: readonly Place[]
}

/** A checked configuration. */
export interface ResolvedConfig {
  /** What an entry has that sets nothing. `match` and `serverList` are empty where nobody gave them. */
  readonly defaults: EntryOptions
  readonly entries: readonly ResolvedEntry[]
  readonly tcp: readonly ResolvedTcpEntry[]
  /** One for each `[LISTEN]`; without any, one with the defaults, which has no address if there are TCP entries alone. */
  readonly listen: readonly ListenOptions[]
  readonly management: ManagementOptions
  readonly workers: WorkersOptions
  readonly cluster: ClusterOptions
  readonly log: LogOptions
  /** Everything it was read from, absolute: files, and the folders in which `Include` looked. */
  readonly files: readonly string[]
}
