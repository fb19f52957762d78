import type { Clock } from '../clock.js'
import type { Random } from '../random.js'
import type { ActiveHealth } from './active-health.js'
import type { Carriers } from './membership.js'
import type { PoolOptions } from './options.js'
import type { ServerDirectory, ServerStateChange } from './server.js'

/** What a pool is made of. */
export interface PoolParts<Carrier> {
  readonly name: string
  readonly options: PoolOptions
  readonly directory: ServerDirectory
  readonly checks: ActiveHealth
  readonly clock: Clock
  readonly random: Random
  readonly carriers: Carriers<Carrier>
  /** A check has changed the state of a server in this pool. What requests tell about servers is told by the directory. */
  readonly onChange: (change: ServerStateChange) => void
}
