/** The calls that are about servers. */

import { isIPv6 } from 'node:net'
import { messageOf } from '../../config/section.js'
import { nearest } from '../../config/suggest.js'
import { duration } from '../../config/types.js'
import {
  type Change,
  ChangeError,
  type ChangeResult,
  type Control,
  type HealthSettings,
  type ServerSnapshot,
  type Snapshot,
} from '../../forward/control.js'
import { ApiError } from '../errors.js'
import * as examples from '../examples.js'
import { json, type QueryParameter, type Route } from '../route.js'
import { shapes } from '../shapes.js'
import { serverLink, serverList, serverPath, serversOf, serverView } from '../views.js'
import { healthOf, noPool } from './pools.js'

interface NewServer {
  readonly url: string
  readonly pool?: string
  readonly weight?: number
  readonly backup?: boolean
  readonly health?: HealthSettings | null
  readonly lease?: number
}

interface ServerChange {
  readonly weight?: number
  readonly state?: 'up' | 'draining' | 'disabled'
  readonly health?: HealthSettings | null
}

const which: Readonly<Record<string, QueryParameter>> = {
  pool: { description: 'Name of the pool. Left out: every pool that has the server.', example: 'web' },
  id: { description: 'Needed only where two servers have the same host and port.', example: 'https://10.0.0.1:80' },
}
const drain: QueryParameter = {
  description:
    'The server gets nothing new, and leaves once its last request is over, or after this time; what is under way ' +
    'then is cut. Seconds, or a number with ms, s, m or h. Left out: it leaves at once, and what is under way ends well.',
  example: '30',
}
const list = { schema: shapes.ServerList, example: examples.serverList }

export const serverCalls: readonly Route[] = [
  {
    method: 'GET',
    path: '/servers',
    summary: 'The servers of all pools.',
    endings: { 200: { description: 'All servers.', ...list } },
    async run(_, { control }) {
      return json(serverList(await control.snapshot()))
    },
  },
  {
    method: 'POST',
    path: '/servers',
    summary: 'Adds a server to a pool.',
    body: { schema: shapes.NewServer, example: examples.newServer },
    endings: {
      201: {
        description: 'It was added. The list of all servers.',
        ...list,
        headers: { Location: 'Path of the server.' },
      },
      200: { description: 'It was there already. The list of all servers.', ...list },
    },
    errors: ['unknown_pool', 'invalid', 'unavailable'],
    async run({ body }, { control }) {
      const { url, pool, weight, backup, health, lease } = body as NewServer
      const before = await control.snapshot()
      checkPool(before, pool)
      if (lease !== undefined && before.registry === undefined) throw new ApiError('invalid', noLeases)
      const { changed, servers } = await add(control, {
        kind: 'add',
        url,
        pool,
        weight,
        backup,
        health: healthOf(health),
        ...(lease === undefined ? {} : { lease }),
      })
      const after = await control.snapshot()
      const isNamed = ({ id, pool }: ServerSnapshot): boolean =>
        servers.some((each) => each.server === id && each.pool === pool)
      if (!changed || serversOf(before).some(isNamed)) return json(serverList(after))
      const added = serversOf(after).find(isNamed)
      return json(serverList(after), 201, added === undefined ? {} : { Location: serverLink(after, added) })
    },
  },
  {
    method: 'GET',
    path: '/servers/{host}/{port}',
    summary: 'One server, in each pool that has it.',
    query: which,
    endings: { 200: { description: 'The server.', ...list } },
    errors: ['not_found', 'ambiguous'],
    async run({ parameters, query }, { control }) {
      const snapshot = await control.snapshot()
      return json(serverList(snapshot, find(snapshot, parameters, query)))
    },
  },
  {
    method: 'PATCH',
    path: '/servers/{host}/{port}',
    summary: 'Changes the weight, the state or the check of a server.',
    query: which,
    body: { schema: shapes.ServerChange, example: examples.serverChange },
    endings: { 200: { description: 'The server as it is now.', ...list } },
    errors: ['not_found', 'ambiguous', 'invalid', 'unavailable'],
    async run({ parameters, query, body }, { control }) {
      const { weight, state, health } = body as ServerChange
      const found = find(await control.snapshot(), parameters, query)
      const server = found[0]!.id
      await control.change({ kind: 'server', pool: query.pool, server, weight, state, health: healthOf(health) })
      const after = await control.snapshot()
      return json(serverList(after, serversOf(after).filter(isAmong(found))))
    },
  },
  {
    method: 'DELETE',
    path: '/servers/{host}/{port}',
    summary: 'Removes a server.',
    query: { ...which, drain },
    endings: {
      200: { description: 'What was removed.', schema: shapes.RemovedServers, example: examples.removedServers },
    },
    errors: ['not_found', 'ambiguous', 'invalid', 'unavailable'],
    async run({ parameters, query }, { control }) {
      const time = drainTime(query.drain)
      const snapshot = await control.snapshot()
      const found = find(snapshot, parameters, query)
      const server = found[0]!.id
      const { servers } = await control.change({ kind: 'remove', pool: query.pool, server, drain: time })
      const removed = found.filter(({ pool }) => servers.some((each) => each.pool === pool))
      return json({ removed: removed.map((each) => serverView(snapshot, each)) })
    },
  },
]

const noLeases = 'a lease needs pools that are shared: Registry in [CLUSTER]'

/** The body may leave the pool out where there is only one, and may not name one that does not exist. */
function checkPool({ pools }: Snapshot, pool: string | undefined): void {
  const names = pools.map(({ name }) => name)
  if (pool === undefined ? names.length === 1 : names.includes(pool)) return
  if (pool !== undefined) throw new ApiError('unknown_pool', `"pool": ${noPool(pool, names)}`)
  const choice = names.length === 0 ? 'but there is none' : `one of ${names.slice(0, 20).join(', ')}`
  throw new ApiError('unknown_pool', `"pool" is missing: the name of the pool, ${choice}`)
}

async function add(control: Control, change: Extract<Change, { kind: 'add' }>): Promise<ChangeResult> {
  try {
    return await control.change(change)
  } catch (error) {
    // The pool may have gone since it was looked for. A body that names it is at fault, not the path.
    const isGone = error instanceof ChangeError && error.code === 'not-found'
    throw isGone ? new ApiError('unknown_pool', error.message) : error
  }
}

/** The server that a path names, in each pool that has it; at least one, all with the same id. @throws ApiError */
function find(
  snapshot: Snapshot,
  { host = '', port = '' }: Readonly<Record<string, string>>,
  { pool, id }: Readonly<Record<string, string>>,
): readonly ServerSnapshot[] {
  const names = snapshot.pools.map(({ name }) => name)
  if (pool !== undefined && !names.includes(pool)) throw new ApiError('not_found', noPool(pool, names))
  const candidates = serversOf(snapshot).filter((server) => pool === undefined || server.pool === pool)
  const first = canonicalHost(host)
  const found = candidates.filter((server) => {
    const path = serverPath(server)
    return path[0] === first && path[1] === port && (id === undefined || server.id === id)
  })
  const ids = [...new Set(found.map((server) => server.id))]
  if (ids.length === 1) return found
  if (ids.length > 1) throw new ApiError('ambiguous', `${host}:${port} is ${ids.join(' and ')}; add ?id= to say which`)
  throw new ApiError('not_found', noServer(`${host}:${port}`, pool, candidates))
}

function noServer(wanted: string, pool: string | undefined, candidates: readonly ServerSnapshot[]): string {
  const where = pool === undefined ? 'no pool has' : `the pool "${pool}" does not have`
  const guess = nearest(wanted, new Set(candidates.map((each) => serverPath(each).join(':'))))
  const way = guess === undefined ? 'GET /servers lists what there is' : `did you mean ${guess}?`
  return `${where} the server ${wanted}; ${way}`
}

/** As snapshots have it. */
function canonicalHost(host: string): string {
  const bare = host.replace(/^\[(.*)\]$/, '$1').toLowerCase()
  return isIPv6(bare) && !bare.includes('%') ? new URL(`http://[${bare}]`).hostname.slice(1, -1) : bare
}

function isAmong(servers: readonly ServerSnapshot[]): (server: ServerSnapshot) => boolean {
  return ({ id, pool }) => servers.some((each) => each.id === id && each.pool === pool)
}

/** In milliseconds. @throws ApiError */
function drainTime(value: string | undefined): number | undefined {
  if (value === undefined) return undefined
  try {
    return Math.round(duration().accept(value) * 1000)
  } catch (error) {
    throw new ApiError('bad_query', `drain: ${messageOf(error)}`)
  }
}
