/** The request of an active check: over a connection of its own, through the same transport as every other. */

import type { ProxyError } from '../errors.js'
import type { Probe } from '../pool/active-health.js'
import type { ServerAddress } from '../pool/address.js'
import type { Carriage, CarriageEvents, ResponseHead, Upstream } from '../transports/transport.js'

/** Makes what asks one server. Only the head of an answer counts. */
export function probe(upstream: Upstream, { authority }: ServerAddress): Probe {
  return ({ path, status }, done) => {
    // It is for the server to connect.
    if (upstream.ready === false) return undefined
    const events = new ProbeEvents((passed, result) => done(passed, result), status)
    const carriage = upstream.send(
      {
        method: 'GET',
        target: path,
        headers: ['Host', authority, 'User-Agent', 'pointsman', 'Accept', '*/*', 'Connection', 'close'],
        hasBody: false,
        upgrade: undefined,
        idempotent: true,
        fresh: true,
        source: undefined,
      },
      events,
    )
    events.carriage = carriage
    return () => carriage.abort()
  }
}

class ProbeEvents implements CarriageEvents {
  carriage: Carriage | undefined
  readonly #done: (passed: boolean, result: string) => void
  readonly #passes: (status: number) => boolean

  constructor(done: (passed: boolean, result: string) => void, passes: (status: number) => boolean) {
    this.#done = done
    this.#passes = passes
  }

  response({ status }: ResponseHead): void {
    this.carriage?.abort()
    this.#done(this.#passes(status), `it answered ${status}`)
  }

  upgraded(head: ResponseHead, socket: { destroy(): void }): void {
    socket.destroy()
    this.#done(false, `it answered ${head.status}`)
  }

  failed(error: ProxyError): void {
    this.#done(false, error.message)
  }

  connected(): void {}
  informational(): void {}
  flush(): void {}
  end(): void {}
  drained(): void {}

  data(): boolean {
    return true
  }

  holds(): boolean {
    return false
  }
}
