/** `pointsman start` with its management API, as a process of its own. */

import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { portOf } from './network.js'
import { folder, type Launched, launch } from './process.js'

/** Milliseconds that a state may take to come about on a machine that is busy. */
const patience = 20_000

export interface ApiAnswer {
  readonly status: number
  readonly text: string
  // biome-ignore lint/suspicious/noExplicitAny: what an answer is made of is what the tests are to find out
  readonly json: any
}

export interface ApiCall {
  readonly headers?: Readonly<Record<string, string>>
  /** Sent as it is when it is text, otherwise as JSON. */
  readonly body?: unknown
}

export interface ManagedServer {
  readonly id: string
  readonly pool: string
  readonly state: string
  readonly reason: string
  readonly since: string | null
  readonly weight: number
  readonly connections: number
}

/** One call of a management API. Rejects as the connection does. */
export function call(
  url: string,
  method: string,
  path: string,
  { headers = {}, body }: ApiCall = {},
): Promise<ApiAnswer> {
  return new Promise((resolve, reject) => {
    const req = request({ ...target(url), method, path, headers, agent: false }, (res) => {
      let text = ''
      res.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk
      })
      res.on('error', reject)
      res.on('end', () => {
        const isJson = res.headers['content-type'] === 'application/json' && text !== ''
        resolve({ status: res.statusCode ?? 0, text, json: isJson ? JSON.parse(text) : undefined })
      })
    })
    req.setTimeout(patience, () => req.destroy(new Error(`waited in vain for an answer to ${method} ${path}`)))
    req.on('error', reject)
    req.end(body === undefined || typeof body === 'string' ? body : JSON.stringify(body))
  })
}

function target(url: string): { socketPath: string } | { host: string; port: string } {
  if (url.startsWith('unix:')) return { socketPath: url.slice('unix:'.length) }
  const { hostname, port } = new URL(url)
  return { host: hostname.replace(/^\[|\]$/g, ''), port }
}

/** Comes back with the first value of `look` that is not undefined. For states of another process. */
export async function found<T>(look: () => Promise<T | undefined> | T | undefined, what: string): Promise<T> {
  const end = performance.now() + patience
  for (;;) {
    const value = await look()
    if (value !== undefined) return value
    if (performance.now() > end) throw new Error(`waited in vain for ${what}`)
    // Asking without a pause would take the time that the asked one needs.
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

export class ManagedCommand {
  readonly command: Launched
  readonly folder: string
  readonly port: number
  /** Of the management API. */
  readonly url: string

  private constructor(command: Launched, path: string, port: number, url: string) {
    this.command = command
    this.folder = path
    this.port = port
    this.url = url
  }

  /** Starts it; `conf` has no `[LISTEN]` or `[MANAGEMENT]` but what `sections` say. */
  static async start(
    t: TestContext,
    conf: string,
    sections: { listen?: string; management?: string } = {},
  ): Promise<ManagedCommand> {
    const text = fileText(conf, sections)
    const path = folder(t, { 'proxy.conf': text })
    const command = launch(t, ['start'], { cwd: path })
    const port = await portOf(command)
    const [, url] = await command.output(/management API on ([^\s,]+)/)
    return new ManagedCommand(command, path, port, url!)
  }

  /** Writes another configuration, as editors do: nobody sees half of it. */
  write(conf: string, sections: { listen?: string; management?: string } = {}): void {
    const file = join(this.folder, 'proxy.conf')
    writeFileSync(`${file}.new`, fileText(conf, sections))
    renameSync(`${file}.new`, file)
  }

  call(method: string, path: string, more?: ApiCall): Promise<ApiAnswer> {
    return call(this.url, method, path, more)
  }

  async servers(headers: Readonly<Record<string, string>> = {}): Promise<ManagedServer[]> {
    return (await this.call('GET', '/servers', { headers })).json.servers
  }

  /** Waits until the server at a port of 127.0.0.1 is in a state. */
  isIn(state: string, port: number): Promise<ManagedServer> {
    return found(
      async () => (await this.servers()).find((server) => server.id.endsWith(`:${port}`) && server.state === state),
      `127.0.0.1:${port} to be ${state}`,
    )
  }

  /** Reloads by HUP, and waits for what the log says of it. */
  async hangUp(): Promise<string> {
    const from = this.command.stdout.length
    this.command.signal('SIGHUP')
    return (await this.command.output(/(?:reloaded proxy\.conf: |was not reloaded; ).*\n/, from))[0]
  }

  read(name: string): string {
    return readFileSync(join(this.folder, name), 'utf8')
  }
}

function fileText(
  conf: string,
  { listen = '', management = 'Listen 127.0.0.1:0\n' }: { listen?: string; management?: string },
): string {
  return `${conf}[LISTEN]\nAddress 127.0.0.1:0\n${listen}[MANAGEMENT]\n${management}`
}
