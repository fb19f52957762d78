/** The processes of the demo. */

import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { ResolvedEntry } from '../config/load.js'
import type { ServerAddress } from '../pool/address.js'
import { isSource } from '../pool/source.js'
import { CommandError } from './command.js'
import type { DemoServerMessage } from './demo-server.js'

/** A server that is to run. */
export interface DemoSpec {
  /** `dynamic-1`: the entry that names it first, and its number there. */
  readonly name: string
  /** `127.0.0.1:9001`. */
  readonly address: string
}

/** A server that runs. */
export interface DemoProcess extends DemoSpec {
  readonly pid: number
}

const program = fileURLToPath(new URL('main.js', import.meta.url))

/** One server for each address of a configuration. Throws a {@link CommandError} for one that cannot be served here. */
export function demoSpecs(entries: readonly ResolvedEntry[]): DemoSpec[] {
  const specs = new Map<string, DemoSpec>()
  for (const { name: entry, options } of entries) {
    let number = 0
    for (const item of [...options.serverList, ...options.backupList]) {
      if (isSource(item)) throw new CommandError(`the demo has no servers of ${item.source.id}; list addresses`)
      const { address } = item
      if (specs.has(address.id)) continue
      specs.set(address.id, { name: `${entry.replace(/\s+/g, '-')}-${++number}`, address: local(address) })
    }
  }
  return [...specs.values()]
}

function local({ id, scheme, host, port }: ServerAddress): string {
  const own = scheme === 'http' && (host === 'localhost' || host === '::1' || /^127\./.test(host))
  if (!own) throw new CommandError(`the demo can only be the server of http addresses of this machine, and not ${id}`)
  return `${host.includes(':') ? `[${host}]` : host}:${port}`
}

interface Child {
  readonly spec: DemoSpec
  readonly process: ChildProcess
  readonly exited: Promise<unknown>
}

export class DemoServers {
  readonly #specs: readonly DemoSpec[]
  readonly #onEnd: (server: DemoProcess) => void
  #children: readonly Child[] = []
  #ending = false

  /** `onEnd` hears of a server that ends by itself, or was killed. */
  constructor(specs: readonly DemoSpec[], onEnd: (server: DemoProcess) => void) {
    this.#specs = specs
    this.#onEnd = onEnd
  }

  get list(): readonly DemoProcess[] {
    return this.#children.map(({ spec, process: { pid = 0 } }) => ({ ...spec, pid }))
  }

  /** Resolves when all of them listen. `file`: the configuration, for what is said when they cannot. */
  async start(file: string): Promise<void> {
    this.#children = this.#specs.map((spec) => {
      const child = fork(program, ['demo-server', spec.name, spec.address], {
        stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      })
      return { spec, process: child, exited: once(child, 'exit') }
    })
    const problems = (await Promise.all(this.#children.map(ready))).filter((problem) => problem !== undefined)
    if (problems.length > 0) {
      throw new CommandError([...problems, portHint(file)].join('\n'))
    }
    for (const { spec, process: child } of this.#children) {
      const ended = (): void => {
        if (!this.#ending) this.#onEnd({ ...spec, pid: child.pid ?? 0 })
      }
      // Told at once, also of one that has ended in the meantime.
      if (child.exitCode !== null || child.signalCode !== null) ended()
      else child.once('exit', ended)
    }
  }

  /** From now on the end of a server is no news. */
  expectEnd(): void {
    this.#ending = true
  }

  /** Ends all of them. */
  async stop(): Promise<void> {
    this.#ending = true
    // They end with their channel, as they do when this process is killed.
    for (const { process: child } of this.#children) if (child.connected) child.disconnect()
    await Promise.all(this.#children.map(({ exited }) => exited))
  }
}

/** What to do when a port is taken. */
export function portHint(file: string): string {
  return `End what uses it, or take other ports: copy ${file}, change them there, and run "pointsman demo -c" with the copy ("npm start -- -c" in a clone).`
}

/** Undefined once it listens, or why it cannot. */
async function ready({ spec: { name, address }, process: child, exited }: Child): Promise<string | undefined> {
  const message = (await Promise.race([once(child, 'message').then(([first]) => first), exited])) as unknown
  if (message === 'listening') return undefined
  const { code, message: text } = message as Exclude<DemoServerMessage, 'listening'> & { message?: string }
  if (code !== 'EADDRINUSE') return `${name} cannot listen on ${address}: ${text ?? 'its process has ended'}`
  const port = address.slice(address.lastIndexOf(':') + 1)
  return `${name} cannot listen on ${address}: the port is in use; "ss -ltnp sport = :${port}" shows by which process`
}
