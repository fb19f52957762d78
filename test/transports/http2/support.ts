import type { Clock } from '#lib/clock.js'
import { parseServer } from '#lib/pool/address.js'
import { createHttp2Transport } from '#lib/transports/http2/transport.js'
import type { ConnectionOptions, Upstream } from '#lib/transports/transport.js'
import { connectionOptions } from '../../support/carriage.js'
import { ManualClock } from '../../support/clock.js'
import type { Cleanup } from '../../support/upstream.js'

/** An upstream to a server of HTTP/2 that is dialled. */
export function upstreamTo(
  t: Cleanup,
  url: string,
  options: Partial<ConnectionOptions> = {},
  clock: Clock = new ManualClock(),
): Upstream {
  const upstream = createHttp2Transport(clock).upstream(parseServer(url).address, { ...connectionOptions, ...options })
  t.after(() => upstream.close())
  return upstream
}

/** Lets what has arrived be dealt with. */
export async function settle(turns = 20): Promise<void> {
  for (let i = 0; i < turns; i++) await new Promise((resolve) => setImmediate(resolve))
}
