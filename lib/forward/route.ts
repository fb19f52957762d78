import type { Place } from '../config/diagnostics.js'
import type { MatchOptions } from '../match/options.js'
import type { Pool } from '../pool/pool.js'
import type { TransportOptions } from '../transports/options.js'
import type { Upstream } from '../transports/transport.js'
import type { ForwardOptions } from './options.js'
import type { RetryBudget } from './retry-budget.js'
import type { RouteCounts } from './route-counts.js'

/** An entry of the configuration at work. */
export interface Route {
  readonly name: string
  /** What tells it apart over reloads: its label, or, without one, what it matches. */
  readonly key: string
  /** Of one without servers, after a reload: the route that has taken its place. */
  successor?: Route
  readonly options: MatchOptions & ForwardOptions & TransportOptions
  readonly pool: Pool<Upstream>
  readonly budget: RetryBudget
  /** Outlives a reload, by the entry's name. */
  readonly counts: RouteCounts
  /** Where the entry stands, and each of its patterns. */
  readonly place: Place
  readonly patternPlaces: readonly Place[]
}
