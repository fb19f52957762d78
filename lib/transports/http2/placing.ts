import type { ServerAddress } from '../../pool/address.js'
import type { Http2Carriage } from './carriage.js'
import type { Session } from './session.js'

/** What finds a session for a request. */
export interface Placing {
  readonly address: ServerAddress
  /** Calls {@link Http2Carriage.start} or {@link Http2Carriage.fail}, now or later; not with `except`. */
  place(carriage: Http2Carriage, except: Session | undefined): void
  /** Calls {@link Http2Carriage.flush} when all that has arrived by now is dealt with. */
  flushSoon(carriage: Http2Carriage): void
}
