/**
 * Where things stand in a registry, below its prefix. Names of pools and servers are percent-encoded, one segment each.
 *
 *     pools/POOL/servers/ID    a server: `server-entry.ts`
 *     pools/POOL/settings      balancer and check of a pool: `pool-settings.ts`
 */

/** What a key is about. */
export type RegistryKey =
  | { readonly kind: 'server'; readonly pool: string; readonly id: string }
  | { readonly kind: 'settings'; readonly pool: string }

/** `id`: for people, and to tell servers apart. */
export function serverKey(pool: string, id: string): string {
  return `pools/${encodeURIComponent(pool)}/servers/${encodeURIComponent(id)}`
}

export function settingsKey(pool: string): string {
  return `pools/${encodeURIComponent(pool)}/settings`
}

/** Undefined: a key that means nothing here. */
export function parseKey(key: string): RegistryKey | undefined {
  const [, pool, id] = /^pools\/([^/]+)\/(?:settings|servers\/([^/]+))$/.exec(key) ?? []
  if (pool === undefined) return undefined
  try {
    const name = decodeURIComponent(pool)
    if (id === undefined) return { kind: 'settings', pool: name }
    return { kind: 'server', pool: name, id: decodeURIComponent(id) }
  } catch {
    return undefined
  }
}
