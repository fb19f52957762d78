import { once } from 'node:events'
import type { Clock } from '#lib/clock.js'
import { systemClock } from '#lib/clock.js'
import { workerAddress } from '#lib/pool/address.js'
import type { Joined as JoinedType, JoinedUpstream } from '#lib/transports/http2/joined.js'
import { Joined } from '#lib/transports/http2/joined.js'
import type { TransportRequest } from '#lib/transports/transport.js'
import { WorkerGate } from '#lib/workers/gate.js'
import { type App, type JoinedProxy, type JoinOptions, joinProxy } from '#lib/workers/join.js'
import { WorkerListener } from '#lib/workers/listener.js'
import type { WorkersOptions } from '#lib/workers/options.js'
import type { JoinedWorker } from '#lib/workers/wire.js'
import { Sent } from '../support/carriage.js'
import { ManualClock } from '../support/clock.js'
import type { Cleanup } from '../support/upstream.js'
import { eventually } from '../support/wire.js'

export interface YardOptions {
  readonly clock?: Clock
  readonly services?: readonly string[]
  readonly process?: { readonly id: string; readonly count: number }
  readonly options?: Partial<WorkersOptions>
}

/** The proxy's side: a gate that listens, and what it has found. */
export interface Yard {
  readonly joined: JoinedType
  readonly gate: WorkerGate
  readonly listener: WorkerListener
  readonly url: string
  readonly port: number
  /** What the gate has told, each time. */
  readonly found: (readonly JoinedWorker[])[]
  readonly log: string[]
  /** How often somebody has asked to join. */
  tries(): number
  /** What carries requests to a worker. */
  upstream(instance: string, service?: string): JoinedUpstream
  /** Sends one request to a worker of the service `default`. */
  send(instance: string, request?: Partial<TransportRequest>): Sent
  sendTo(upstream: JoinedUpstream, request?: Partial<TransportRequest>): Sent
}

/** Opens one that the end of the test closes. */
export async function openYard(t: Cleanup, given: YardOptions = {}): Promise<Yard> {
  const { clock = systemClock, services = ['*'], process = { id: 'p1', count: 1 } } = given
  const joined = new Joined(clock)
  const log: string[] = []
  const found: (readonly JoinedWorker[])[] = []
  const note = (message: string): void => {
    log.push(message)
  }
  const logger = { info: note, warn: note, error: note }
  const options: WorkersOptions = {
    listen: { host: '127.0.0.1', port: 0, socketPath: undefined },
    token: undefined,
    certificate: undefined,
    certificateKey: undefined,
    ...given.options,
  }
  const gate = new WorkerGate({
    joined,
    clock,
    logger,
    token: () => options.token,
    services: () => services,
    process,
    found: (workers) => found.push(workers),
  })
  let tries = 0
  const accept = gate.accept.bind(gate)
  gate.accept = (...request) => {
    tries++
    return accept(...request)
  }
  const listener = new WorkerListener({ gate, options, logger, clock })
  const url = await listener.listen()
  t.after(async () => {
    await listener.close()
    await endSoon(gate.close({ timeout: 0 }), clock)
  })
  const upstream = (instance: string, service = 'default'): JoinedUpstream =>
    joined.upstream(workerAddress(service, instance))
  return {
    joined,
    gate,
    listener,
    url,
    port: url.startsWith('unix:') ? 0 : Number(new URL(url).port),
    found,
    log,
    tries: () => tries,
    upstream,
    send: (instance, request) => new Sent(upstream(instance), request),
    sendTo: (to, request) => new Sent(to, request),
  }
}

/** Joins without a log; leaves at the end of the test. */
export function join(t: Cleanup, app: App, url: string | readonly string[], options: JoinOptions = {}): JoinedProxy {
  const joined = joinProxy(app, url, { instance: 'w1', logger: false, ...options })
  t.after(() => endSoon(joined.leave({ timeout: 0 }), options.clock))
  return joined
}

/** The clock that a test moves tells the end of the wait, too. */
async function endSoon(ended: Promise<void>, clock: Clock | undefined): Promise<void> {
  if (clock instanceof ManualClock) clock.advance(0)
  await ended
}

/** Joins, and waits until requests can go to it. */
export async function joinYard(t: Cleanup, yard: Yard, app: App, options: JoinOptions = {}): Promise<JoinedProxy> {
  const joined = join(t, app, yard.url, options)
  await isReady(yard, joined)
  return joined
}

/** Comes back when requests can go to a worker. */
export async function isReady(yard: Yard, { service, instance }: JoinedProxy): Promise<void> {
  // Asked anew each time: what carries requests is another object when all connections of the worker were gone.
  await eventually(() => yard.upstream(instance, service).ready, `worker ${instance} to be ready`)
}

/** Sends a request, and gathers its answer. */
export async function ask(yard: Yard, instance: string, request: Partial<TransportRequest> = {}): Promise<Sent> {
  const sent = yard.send(instance, request)
  await sent.over()
  return sent
}

/** A body that is written as fast as it is taken. */
export async function upload(sent: Sent, body: Buffer, times: number): Promise<void> {
  await sent.when('connected')
  for (let i = 0; i < times; i++) if (!sent.carriage.write(body)) await sent.drains()
  sent.carriage.end([])
}

export { once }
