import type { Balancer, Outcome } from '../balancers/balancer.js'
import type { Clock } from '../clock.js'
import type { Member } from './member.js'
import type { OfflinePolicy } from './passive-health.js'

/** One request's hold on one server: begun by a pick, ended exactly once by `release`. */
export class Lease<Carrier> {
  readonly member: Member<Carrier>
  readonly #balancer: Balancer
  readonly #clock: Clock
  /** Undefined: nothing is remembered (`HighAvailability Off`). */
  readonly #policy: OfflinePolicy | undefined
  readonly #begun: number
  readonly #trial: boolean
  #verdict: 'none' | 'well' | 'failed' = 'none'
  #released = false

  constructor(member: Member<Carrier>, balancer: Balancer, clock: Clock, policy: OfflinePolicy | undefined) {
    this.member = member
    this.#balancer = balancer
    this.#clock = clock
    this.#policy = policy
    this.#begun = clock.now()
    this.#trial = policy !== undefined && member.server.health.begin()
    member.enter()
    balancer.started?.(member)
  }

  /** The request is not over. */
  get held(): boolean {
    return !this.#released
  }

  /** The server answered, and its answer is no failure. */
  succeeded(): void {
    if (this.#verdict !== 'none') return
    this.#learn('well')
    this.member.server.succeeded++
    if (this.#policy !== undefined) this.member.server.health.succeeded()
  }

  /** The server failed the request, before or after the head of its answer. */
  failed(reason: string): void {
    const { server } = this.member
    if (this.#verdict === 'failed') return
    if (this.#verdict === 'well') {
      server.succeeded--
      this.#verdict = 'failed'
    } else {
      this.#learn('failed')
    }
    server.failed++
    if (this.#policy !== undefined) server.health.failed(this.#policy, this.#trial, reason)
  }

  /** The request is over, however it ended. */
  release(): void {
    if (this.#released) return
    this.#released = true
    if (this.#trial && this.#verdict === 'none') this.member.server.health.abandoned()
    this.member.leave()
    this.#balancer.finished?.(this.member)
  }

  #learn(verdict: 'well' | 'failed'): void {
    this.#verdict = verdict
    const latency = this.#clock.now() - this.#begun
    if (verdict === 'well') this.member.server.latency.observe(latency)
    const outcome: Outcome = { latency, failed: verdict === 'failed' }
    this.#balancer.answered?.(this.member, outcome)
  }
}
