import { once } from 'node:events'
import {
  createServer,
  type IncomingHttpHeaders,
  type RequestOptions,
  type Server,
  type ServerOptions,
  request as send,
} from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe } from 'node:test'
import type { Config, EntryConfig } from '#lib/config/load.js'
import { createProxy } from '#lib/create.js'
import type { RequestSummary } from '#lib/forward/events.js'
import type { Proxy as PointsmanProxy, ProxySettings } from '#lib/proxy.js'
import type { TransportName } from '#lib/transports/names.js'
import { ManualClock } from './clock.js'
import type { Cleanup } from './upstream.js'
import { eventually, Wire, within } from './wire.js'

/** What an entry needs beside its servers has defaults here: it takes everything. */
export type Entry = Partial<EntryConfig>

export interface RigOptions extends ProxySettings {
  /** Of the HTTP server in front. */
  readonly server?: ServerOptions
  /** In place of the proxy as the server's listener. */
  readonly listener?: (proxy: PointsmanProxy) => Parameters<typeof createServer>[1]
  /** Upgrades and `Expect` are left to the server. */
  readonly detached?: boolean
}

/** A proxy behind an HTTP server on a port of 127.0.0.1. */
export interface Rig {
  readonly proxy: PointsmanProxy
  readonly server: Server
  readonly port: number
  readonly clock: ManualClock
  /** What has been logged. */
  readonly log: string[]
  /** Every request that is over. */
  readonly ends: RequestSummary[]
  /** A raw connection to it. */
  connect(options?: { allowHalfOpen?: boolean }): Promise<Wire>
  /** An ordinary request to it. */
  get(path?: string, options?: RequestOptions, body?: string | Buffer): Promise<Answer>
  /** Comes back when so many requests are over. */
  over(count: number): Promise<void>
}

/** Starts a rig whose entries use the transport under test. */
export type Start = (t: Cleanup, entry: Entry | readonly Entry[], options?: RigOptions) => Promise<Rig>

/** Runs a suite once with every transport. */
export function withEachTransport(suite: (start: Start, transport: TransportName) => void): void {
  for (const transport of ['http1', 'http-proxy'] as const) {
    describe(`over ${transport}`, () => suite((t, entry, options) => startRig(t, transport, entry, options), transport))
  }
}

/** The configuration of a rig. */
export function configOf(transport: TransportName, entry: Entry | readonly Entry[]): Config {
  return { defaults: { transport }, entries: [entry].flat().map((each) => ({ match: '/*', ...each }) as EntryConfig) }
}

export async function startRig(
  t: Cleanup,
  transport: TransportName,
  entry: Entry | readonly Entry[],
  options: RigOptions = {},
): Promise<Rig> {
  const log: string[] = []
  const note = (message: string): void => {
    log.push(message)
  }
  const logger = { info: note, warn: note, error: note }
  const clock = new ManualClock()
  const proxy = createProxy(configOf(transport, entry), { logger, clock, ...options })
  const ends: RequestSummary[] = []
  proxy.on('requestEnd', (summary) => ends.push(summary))
  const server = createServer(options.server ?? {}, options.listener?.(proxy) ?? proxy)
  if (options.detached !== true) proxy.attach(server)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(async () => {
    const closed = proxy.close({ timeout: 0 })
    // The clock that a test moves tells the end of the wait, too.
    clock.advance(0)
    await closed
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  return {
    proxy,
    server,
    port,
    clock,
    log,
    ends,
    connect: (more = {}) => Wire.connect({ port, host: '127.0.0.1', ...more }),
    get: (path = '/', more = {}, body) => request({ port, path, ...more }, body),
    over: (count) => eventually(() => ends.length >= count, `${count} requests to be over; ${ends.length} are`),
  }
}

/** What a client got. */
export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  /** Name, value … as sent. */
  readonly raw: readonly string[]
  readonly body: string
  readonly bytes: Buffer
  readonly trailers: readonly string[]
}

/** One request over a connection of its own. */
export async function request(options: RequestOptions, body?: string | Buffer): Promise<Answer> {
  const answer = new Promise<Answer>((resolve, reject) => {
    const req = send({ host: '127.0.0.1', agent: false, ...options }, (res) => {
      const chunks: Buffer[] = []
      res.on('data', (chunk: Buffer) => chunks.push(chunk))
      res.on('error', reject)
      res.on('end', () => {
        const bytes = Buffer.concat(chunks)
        resolve({
          status: res.statusCode ?? 0,
          headers: res.headers,
          raw: res.rawHeaders,
          body: bytes.toString(),
          bytes,
          trailers: res.rawTrailers,
        })
      })
    })
    req.on('error', reject)
    req.end(body)
  })
  return within(answer, `the answer to ${options.method ?? 'GET'} ${options.path}`)
}

/** Lets what has arrived be dealt with. */
export async function settle(turns = 20): Promise<void> {
  for (let i = 0; i < turns; i++) await new Promise((resolve) => setImmediate(resolve))
}
