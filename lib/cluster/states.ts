import type { StateChange } from '../forward/control.js'
import type { ServerState } from '../pool/server.js'

/** What is known of one server in one pool; only kept while it is not `up` everywhere. */
interface Known {
  readonly pool: string
  readonly server: string
  /** By the manager's own model, which never sees a request: admin states and checks. */
  model: ServerState
  /** By process: how and why it leaves the server alone. */
  readonly left: Map<object, { readonly state: 'offline' | 'down'; readonly reason: string }>
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
    // Workers are checked where they have dialled in; all others by the manager.
    if (to === 'offline' || (to === 'down' && server.startsWith('worker:')))
      known.left.set(process, { state: to, reason })
    else known.left.delete(process)
    this.#settle(known, reason)
  }

  /** A process is no more; what it alone had found is forgotten. */
  forgetProcess(process: object): void {
    for (const known of [...this.#known.values()]) {
      if (known.left.delete(process)) this.#settle(known, 'the process that had found it offline has ended')
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
      known = { pool, server, model: 'up', left: new Map(), told: 'up' }
      this.#known.set(key, known)
    }
    return known
  }

  #settle(known: Known, reason: string): void {
    const { pool, server, model, left, told } = known
    const last = [...left.values()].at(-1)
    const to = model === 'up' && last !== undefined ? last.state : model
    if (to === 'up' && left.size === 0) this.#known.delete(keyOf(pool, server))
    if (to === told) return
    known.told = to
    this.#tell({ pool, server, from: told, to, reason: model === 'up' && last !== undefined ? last.reason : reason })
  }
}

function keyOf(pool: string, server: string): string {
  return `${pool}\n${server}`
}
