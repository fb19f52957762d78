/** A configuration that was checked, as the parts of the proxy work with it. */

import type { Place } from './diagnostics.js'
import type {
  ClusterOptions,
  EntryOptions,
  ListenOptions,
  LogOptions,
  ManagementOptions,
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

/** A checked configuration. */
export interface ResolvedConfig {
  /** What an entry has that sets nothing. `match` and `serverList` are empty where nobody gave them. */
  readonly defaults: EntryOptions
  readonly entries: readonly ResolvedEntry[]
  /** One for each `[LISTEN]`; without any, one with the defaults. */
  readonly listen: readonly ListenOptions[]
  readonly management: ManagementOptions
  readonly workers: WorkersOptions
  readonly cluster: ClusterOptions
  readonly log: LogOptions
  /** Everything it was read from, absolute: files, and the folders in which `Include` looked. */
  readonly files: readonly string[]
}
