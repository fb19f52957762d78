import { type IncomingHttpHeaders, request } from 'node:http'
import type { TestContext } from 'node:test'
import type { Control } from '#lib/forward/control.js'
import { type ManagementConfig, type ManagementOptions, managementTable } from '#lib/management/options.js'
import { type ManagementParts, ManagementServer } from '#lib/management/server.js'
import { ManualClock } from '../support/clock.js'
import { MemoryControl } from '../support/control.js'
import { within } from '../support/wire.js'

/** The options of a `[MANAGEMENT]`, read as a configuration object is. */
export function optionsOf(config: ManagementConfig): ManagementOptions {
  const values = Object.entries(managementTable).map(([name, { type, default: standard }]) => {
    const given = config[name as keyof ManagementConfig] ?? standard
    const context = { readFile: (): never => expected('no file') }
    return [name, given === undefined ? undefined : type.resolve(type.accept(given), context)]
  })
  return Object.fromEntries(values) as ManagementOptions
}

function expected(what: string): never {
  throw new Error(`expected ${what}`)
}

// biome-ignore lint/suspicious/noExplicitAny: what an answer is made of is what the tests are to find out
export type Json = any

export interface CallResult {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly text: string
  /** The body as JSON. */
  readonly json: Json
}

export interface CallOptions {
  readonly headers?: Readonly<Record<string, string | string[]>>
  /** Sent as it is when it is text, otherwise as JSON. */
  readonly body?: unknown
}

/** A management API that listens, and what it is about. */
export interface Managed<Managing extends Control = MemoryControl> {
  readonly server: ManagementServer
  readonly control: Managing
  readonly clock: ManualClock
  readonly url: string
  readonly port: number
  readonly log: string[]
  call(method: string, path: string, options?: CallOptions): Promise<CallResult>
}

/** Starts one that the end of the test closes. */
export function managed(
  t: TestContext,
  config: ManagementConfig = {},
  { control = new MemoryControl(), ...parts }: Partial<ManagementParts> & { control?: MemoryControl } = {},
): Promise<Managed> {
  return managing(t, control, config, parts)
}

/** Starts one that manages whatever it is given. */
export async function managing<Managing extends Control>(
  t: TestContext,
  control: Managing,
  config: ManagementConfig = {},
  parts: Partial<ManagementParts> = {},
): Promise<Managed<Managing>> {
  const clock = new ManualClock()
  const log: string[] = []
  const write = (line: string): void => void log.push(line)
  const logger = { info: write, warn: write, error: write }
  const options = optionsOf({ listen: '127.0.0.1:0', ...config })
  const server = new ManagementServer({ options, logger, clock, version: '1.0.0', ...parts, control })
  const url = await server.listen()
  t.after(async () => {
    const closed = server.close()
    await new Promise((resolve) => setImmediate(resolve))
    clock.advance(2_000)
    await within(closed, 'the end of the management API')
  })
  const port = url.startsWith('unix:') ? 0 : Number(new URL(url).port)
  const target = url.startsWith('unix:') ? { socketPath: url.slice('unix:'.length) } : { host: '127.0.0.1', port }
  return { server, control, clock, url, port, log, call: (method, path, more) => send(target, method, path, more) }
}

type Target = { socketPath: string } | { host: string; port: number }

function send(
  target: Target,
  method: string,
  path: string,
  { headers = {}, body }: CallOptions = {},
): Promise<CallResult> {
  const answer = new Promise<CallResult>((resolve, reject) => {
    const req = request({ ...target, method, path, headers, agent: false }, (res) => {
      const chunks: Buffer[] = []
      res.on('data', (chunk: Buffer) => chunks.push(chunk))
      res.on('error', reject)
      res.on('end', () => {
        const text = Buffer.concat(chunks).toString()
        const isJson = res.headers['content-type'] === 'application/json' && text !== ''
        resolve({
          status: res.statusCode ?? 0,
          headers: res.headers,
          text,
          json: isJson ? JSON.parse(text) : undefined,
        })
      })
    })
    req.on('error', reject)
    req.end(body === undefined || typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body))
  })
  return within(answer, `an answer to ${method} ${path}`)
}
