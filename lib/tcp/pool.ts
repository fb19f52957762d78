/** Pools of servers for TCP connections: the pools of HTTP, with connections in place of requests. */

import { type Clock, systemClock } from '../clock.js'
import { ProxyError } from '../errors.js'
import { ActiveHealth, type Probe } from '../pool/active-health.js'
import type { ServerAddress } from '../pool/address.js'
import type { Lease } from '../pool/lease.js'
import type { Member } from '../pool/member.js'
import type { PoolOptions } from '../pool/options.js'
import { Pool, type PoolRequest } from '../pool/pool.js'
import type { Waiter } from '../pool/queue.js'
import { ServerDirectory, type ServerState, type ServerStateChange } from '../pool/server.js'
import { type Random, systemRandom } from '../random.js'
import type { Destination, ServerWaiter } from './destination.js'
import type { CheckedOptions } from './options.js'
import { resolveTcpPool, type TcpPoolConfig, type TcpPoolOptions } from './pool-options.js'
import { dial, type Remote, remoteOf } from './remote.js'

/** What the balancers may know about a connection. */
export interface ConnectionFacts {
  /** Of the client; empty when there is none. */
  readonly remoteAddress: string
  /** The lowest number that no other open connection holds. */
  readonly number: number
}

/** A server of a pool, as it stands. */
export interface TcpServerStatus {
  /** Its address: `tcp://10.0.0.1:5432`, `unix:/run/app.sock`. */
  readonly server: string
  readonly state: ServerState
  /** Why it is in its state; empty when nothing ever happened. */
  readonly reason: string
  readonly weight: number
  readonly backup: boolean
  /** Connections that are open. */
  readonly active: number
}

/** What a pool is made of. */
export interface TcpPoolParts {
  readonly name: string
  readonly options: TcpPoolOptions
  readonly directory: ServerDirectory
  readonly checks: ActiveHealth
  readonly clock: Clock
  readonly random: Random
  readonly onChange: (change: ServerStateChange) => void
  /** How connections to its servers are carried. Default: as the router that uses the pool says. */
  readonly carriage?: CheckedOptions
}

/** Settings that are no options of the pool itself. */
export interface TcpPoolSettings {
  /** Called when the state of a server has changed, once for each change. */
  readonly onStateChange?: (change: ServerStateChange) => void
  /** For tests. Default: the machine's. */
  readonly clock?: Clock
  /** For tests. Default: the machine's. */
  readonly random?: Random
}

/**
 * Makes a pool, which a route may return as `remote`: `createTcpPool({ serverList: '10.0.0.1:5432 10.0.0.2:5432' })`.
 * `close` it when no route returns it any more.
 *
 * @throws {TypeError} naming the option that is wrong
 */
export function createTcpPool(config: TcpPoolConfig, settings: TcpPoolSettings = {}): TcpPool {
  const { clock = systemClock, random = systemRandom, onStateChange = () => {} } = settings
  const options = resolveTcpPool(config)
  const directory = new ServerDirectory(clock, onStateChange)
  const checks = new ActiveHealth({ clock, random, asks: () => true })
  return new OwnPool({ name: 'tcp', options, directory, checks, clock, random, onChange: onStateChange })
}

/** What there is to a server of TCP: its address, to which a connection can be made at any time. */
const carriers = {
  take: remoteOf,
  giveBack: (): void => {},
  key: (): string => '',
  probe: connectProbe,
  ready: (): boolean => true,
  limit: (): number => Number.POSITIVE_INFINITY,
  watch: (): (() => void) => () => {},
}

/** A check that only connects. */
function connectProbe(remote: Remote, _address: ServerAddress): Probe {
  return (_options, done) =>
    dial(remote, {
      connected(socket) {
        socket.destroy()
        done(true, 'it accepted a connection')
      },
      unconnected: (error) => done(false, error.message),
    })
}

export class TcpPool {
  /** What the pool is, for those who look into it. */
  readonly pool: Pool<Remote>
  readonly #carriage: CheckedOptions | undefined

  constructor(parts: TcpPoolParts) {
    this.#carriage = parts.carriage
    this.pool = new Pool({ ...parts, options: poolOptions(parts.options), carriers })
  }

  /** The servers, as they stand. */
  get servers(): readonly TcpServerStatus[] {
    return this.pool.members.map(({ id, state, reason, weight, backup, active }) => {
      return { server: id, state, reason, weight, backup, active }
    })
  }

  /** A connection's way through the pool. */
  destination(connection: ConnectionFacts): Destination {
    return new PoolDestination(this.pool, connection, this.#carriage)
  }

  /** Ends the checks. Connections go on. */
  close(): void {
    this.pool.close()
  }
}

/** A pool that nothing else shares anything with. */
class OwnPool extends TcpPool {
  readonly #parts: TcpPoolParts

  constructor(parts: TcpPoolParts) {
    super(parts)
    this.#parts = parts
  }

  override close(): void {
    this.#parts.checks.close()
    super.close()
    this.#parts.directory.sweep()
  }
}

function poolOptions({ healthCheck, ...options }: TcpPoolOptions): PoolOptions {
  return {
    ...options,
    highAvailability: options.highAvailability && options.offlineTimeOut > 0,
    hashKey: { kind: 'source' },
    stickyCookie: undefined,
    failStatus: undefined,
    // Nobody asks for a path, or for a status; both are part of what a check is known by.
    healthCheck: healthCheck ? 'connect' : undefined,
    healthStatus: { test: () => true, text: '' },
  }
}

class PoolDestination implements Destination, PoolRequest, Waiter {
  slots = 0
  failedOpen = false
  attempt = 0
  doubtful = false
  readonly carriage: CheckedOptions | undefined
  readonly #pool: Pool<Remote>
  readonly #connection: ConnectionFacts
  readonly #tried = new Set<Member<Remote>>()
  #lease: Lease<Remote> | undefined
  #waiter: ServerWaiter | undefined
  #error: Error | undefined
  #name: string

  constructor(pool: Pool<Remote>, connection: ConnectionFacts, carriage: CheckedOptions | undefined) {
    this.carriage = carriage
    this.#pool = pool
    this.#connection = connection
    this.#name = pool.name
  }

  get name(): string {
    return this.#name
  }

  next(waiter: ServerWaiter): void {
    this.#waiter = waiter
    const result = this.#take()
    if (result === 'taken') return
    if (result === 'none') {
      this.refused(new ProxyError('ERR_NO_SERVER', `no server is eligible: ${this.#pool.describe()}`))
      return
    }
    try {
      this.#pool.queue.join(this)
    } catch (error) {
      this.refused(error as ProxyError)
    }
  }

  failed(error: Error): void {
    const lease = this.#lease
    if (lease === undefined) return
    this.#error = error
    this.#tried.add(lease.member)
    this.attempt++
    lease.failed(error.message)
    this.#letGo()
  }

  succeeded(): void {
    this.#lease?.succeeded()
  }

  newRound(): void {
    this.#tried.clear()
    this.#error = undefined
    // A client that is kept may find the servers up again, and one of them has to be tried for that.
    this.failedOpen = false
  }

  release(): void {
    this.#waiter = undefined
    this.#pool.queue.leave(this)
    this.#letGo()
  }

  // What the queue says.

  ready(): boolean {
    return this.#take() === 'taken'
  }

  refused(error: ProxyError): void {
    // In another round it would wait as long again, behind all who have come meanwhile.
    const hasWaited = error.code === 'ERR_QUEUE_TIMEOUT' || error.code === 'ERR_QUEUE_FULL'
    this.#waiter?.none(this.#error ?? error, hasWaited)
  }

  // What the balancers ask.

  connectionNumber(): number {
    return this.#connection.number
  }

  clientAddress(): string {
    return this.#connection.remoteAddress
  }

  hashKey(): string {
    return this.#connection.remoteAddress
  }

  stickyToken(): undefined {
    return undefined
  }

  #take(): 'taken' | 'none' | 'full' {
    let lease: Lease<Remote> | 'none' | 'full'
    try {
      lease = this.#pool.lease(this, this.#tried)
    } catch (error) {
      // A balancer of the user's own may throw.
      this.#waiter?.none(error as Error)
      return 'taken'
    }
    if (typeof lease === 'string') return lease
    this.#lease = lease
    const { id, server, carrier } = lease.member
    this.#name = id
    this.doubtful = server.health.consecutiveFailures > 0
    this.#waiter?.take(carrier)
    return 'taken'
  }

  #letGo(): void {
    this.#lease?.release()
    this.#lease = undefined
  }
}
