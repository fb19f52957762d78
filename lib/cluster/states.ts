import type { StateChange } from '../forward/control.js'
import type { ServerState } from '../pool/server.js'

/** What is known of one server in one pool; only kept while it is not `up` everywhere. */
interface Known {
  readonly pool: string
  readonly server: string
  /** By the manager's own model, which never sees a request: admin states and checks. */
  model: ServerState
  /** By process: why it leaves the server alone. */
  readonly offline: Map<object, string>
  told: ServerState
}

/**
 * The states of the servers over all processes, told once for each change: what the manager says, and where it says
 * `up`, `offline` as soon as one process has found it so and as long as one still does.
 */
export class SummedStates {
  readonly #known = new Map<string, Known>()
  readonly #tell: (change: StateChange) => void

  constructor(tell: (change: StateChange) => void) {
    this.#tell = tell
  }

  /** The manager's model has changed a server's state. */
  ofModel({ pool, server, to, reason }: StateChange): void {
    const known = this.#at(pool, server)
    known.model = to === 'offline' ? 'up' : to
    this.#settle(known, reason)
  }

  /** A process has. */
  ofProcess(process: object, { pool, server, to, reason }: StateChange): void {
    const known = this.#at(pool, server)
    if (to === 'offline') known.offline.set(process, reason)
    else known.offline.delete(process)
    this.#settle(known, reason)
  }

  /** A process is no more; what it alone had found is forgotten. */
  forgetProcess(process: object): void {
    for (const known of [...this.#known.values()]) {
      if (known.offline.delete(process)) this.#settle(known, 'the process that had found it offline has ended')
    }
  }

  /** Servers that are no longer there are forgotten; nobody is told. */
  keep(stays: (pool: string, server: string) => boolean): void {
    for (const [key, { pool, server }] of this.#known) if (!stays(pool, server)) this.#known.delete(key)
  }

  #at(pool: string, server: string): Known {
    const key = keyOf(pool, server)
    let known = this.#known.get(key)
    if (known === undefined) {
      known = { pool, server, model: 'up', offline: new Map(), told: 'up' }
      this.#known.set(key, known)
    }
    return known
  }

  #settle(known: Known, reason: string): void {
    const { pool, server, model, offline, told } = known
    const to = model === 'up' && offline.size > 0 ? 'offline' : model
    if (to === 'up' && offline.size === 0) this.#known.delete(keyOf(pool, server))
    if (to === told) return
    known.told = to
    this.#tell({ pool, server, from: told, to, reason: to === 'offline' ? [...offline.values()].at(-1)! : reason })
  }
}

function keyOf(pool: string, server: string): string {
  return `${pool}\n${server}`
}
