import { comesBack } from '../forward/change-checks.js'
import { type Change, type ChangedServer, ChangeError, type Snapshot } from '../forward/control.js'
import { parseServer } from '../pool/address.js'

/** Servers, each as it was when its removal began: one that is added again meanwhile is another one. */
export type Leaving = ReadonlyMap<ChangedServer, object>

/**
 * Servers that are about to be removed, as soon as their last requests are over in all processes. Until then the
 * manager's model has them as any others that drain; here it is known that they leave, as each process knows it of its
 * own.
 */
export class Removals {
  readonly #leaving = new Map<string, { readonly server: ChangedServer }>()

  has(server: ChangedServer): boolean {
    return this.#leaving.has(keyOf(server))
  }

  begin(servers: readonly ChangedServer[]): Leaving {
    return new Map(
      servers.map((server) => {
        const mark = this.#leaving.get(keyOf(server)) ?? { server }
        this.#leaving.set(keyOf(server), mark)
        return [server, mark]
      }),
    )
  }

  /** Those that nobody has removed meanwhile, or added again. */
  left(leaving: Leaving): readonly ChangedServer[] {
    return [...leaving].flatMap(([server, mark]) => (this.#leaving.get(keyOf(server)) === mark ? [server] : []))
  }

  /** They are not there any more. */
  end(servers: readonly ChangedServer[]): void {
    for (const server of servers) this.#leaving.delete(keyOf(server))
  }

  /** Throws a {@link ChangeError} for a change that cannot be made to a server that is about to leave. */
  check(change: Change): void {
    if (change.kind !== 'server' || change.state === undefined) return
    const id = idOf(change.server)
    for (const { server } of this.#leaving.values()) {
      if (idOf(server.server) === id && (change.pool ?? server.pool) === server.pool) {
        throw new ChangeError('invalid', `${change.server} is about to be removed; add it again to keep it`)
      }
    }
  }
}

/** Throws a {@link ChangeError} for a server that a source has told of, and would tell of again. */
export function checkRemovable({ pools }: Snapshot, { pool, server }: Change & { kind: 'remove' }): void {
  const id = idOf(server)
  const named = pools.filter(({ name }) => pool === undefined || name === pool)
  for (const each of named.flatMap(({ servers }) => servers)) {
    if (each.id === id && each.source !== null) throw comesBack(each.id, each.source)
  }
}

/** A server or a pool is not there. */
export function isNotFound(error: unknown): boolean {
  return error instanceof ChangeError && error.code === 'not-found'
}

/** The same, but that something was not there is no failure. */
export async function unlessNotFound(work: Promise<unknown>): Promise<void> {
  await work.catch((error: unknown) => {
    if (!isNotFound(error)) throw error
  })
}

/** As it is shown. A text that is no address stays as it is, and is refused elsewhere. */
function idOf(server: string): string {
  try {
    return parseServer(server).address.id
  } catch {
    return server
  }
}

function keyOf({ pool, server }: ChangedServer): string {
  return `${pool}\n${server}`
}
