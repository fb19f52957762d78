import type { Change, HealthSettings } from './control.js'

type Add = Change & { kind: 'add' }
type Told = Change & { kind: 'source' }

/** What has been changed about one server that was there already. */
interface ServerChange {
  readonly weight?: number | undefined
  readonly state?: 'up' | 'draining' | 'disabled' | undefined
  readonly health?: HealthSettings | undefined
}

interface PoolOverlay {
  loadBalance?: string | undefined
  health?: HealthSettings | undefined
  readonly added: Map<string, Add>
  readonly removed: Set<string>
  readonly servers: Map<string, ServerChange>
  /** By source. */
  readonly told: Map<string, Told>
}

/**
 * All changes since the start, by what they are about: of two that say the same the later one counts. Pools go by the keys
 * of their routes, which stay over a reload. Health settings are complete, so that the order of changes does not matter.
 */
export class Overlay {
  readonly #pools = new Map<string, PoolOverlay>()

  /** The changes, as few as say everything. `nameOf` a pool that is not there is undefined, and its changes are left out. */
  changes(nameOf: (key: string) => string | undefined): readonly Change[] {
    return [...this.#pools].flatMap(([key, overlay]) => {
      const pool = nameOf(key)
      return pool === undefined ? [] : changesOf(pool, overlay)
    })
  }

  added(pool: string, server: string, change: Add): void {
    this.#of(pool).added.set(server, change)
  }

  /** `isConfigured`: the file has it, so that it would come back with a reload. */
  removed(pool: string, server: string, isConfigured: boolean): void {
    const { added, removed, servers } = this.#of(pool)
    servers.delete(server)
    added.delete(server)
    if (isConfigured) removed.add(server)
  }

  server(pool: string, server: string, change: ServerChange): void {
    const { servers } = this.#of(pool)
    servers.set(server, merged(servers.get(server) ?? {}, change))
  }

  /** What a source tells. */
  found(pool: string, change: Told): void {
    const { told } = this.#of(pool)
    if (change.servers.length > 0) told.set(change.source, change)
    else told.delete(change.source)
  }

  /** A server that a source had told of is no more: when it comes back, it is a new one. */
  left(pool: string, server: string): void {
    this.#of(pool).servers.delete(server)
  }

  /** `resets`: nothing counts of what was said before. */
  pool(
    pool: string,
    change: { loadBalance?: string | undefined; health?: HealthSettings | undefined },
    resets: boolean,
  ): void {
    const overlay = this.#of(pool)
    Object.assign(overlay, resets ? change : merged(overlay, change))
  }

  #of(pool: string): PoolOverlay {
    let overlay = this.#pools.get(pool)
    if (overlay === undefined) {
      overlay = { added: new Map(), removed: new Set(), servers: new Map(), told: new Map() }
      this.#pools.set(pool, overlay)
    }
    return overlay
  }
}

function changesOf(pool: string, { loadBalance, health, added, removed, servers, told }: PoolOverlay): Change[] {
  return [
    ...(loadBalance === undefined && health === undefined
      ? []
      : [{ kind: 'pool', pool, loadBalance, health } as const]),
    ...[...removed].map((server) => ({ kind: 'remove', pool, server }) as const),
    ...[...told.values()].map((change) => ({ ...change, pool })),
    ...[...added.values()].map((change) => ({ ...change, pool })),
    ...[...servers].map(([server, change]) => ({ kind: 'server', pool, server, ...change }) as const),
  ]
}

/** What is said later goes before. */
function merged<T extends object>(before: T, after: T): T {
  return { ...before, ...Object.fromEntries(Object.entries(after).filter(([, value]) => value !== undefined)) }
}
