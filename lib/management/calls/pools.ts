/** The calls that are about pools. */

import { unknown } from '../../config/suggest.js'
import type { HealthSettings, PoolSnapshot, Snapshot } from '../../forward/control.js'
import { ApiError } from '../errors.js'
import * as examples from '../examples.js'
import { json, type Route } from '../route.js'
import { shapes } from '../shapes.js'
import { poolView } from '../views.js'

interface PoolChange {
  readonly balancer?: string
  readonly health?: HealthSettings | null
}

export const poolCalls: readonly Route[] = [
  {
    method: 'GET',
    path: '/pools',
    summary: 'The pools: balancer, check, and what went through them.',
    endings: { 200: { description: 'All pools.', schema: shapes.PoolList, example: examples.poolList } },
    async run(_, { control }) {
      return json({ pools: (await control.snapshot()).pools.map(poolView) })
    },
  },
  {
    method: 'GET',
    path: '/pools/{name}',
    summary: 'One of the pools.',
    endings: { 200: { description: 'The pool.', schema: shapes.Pool, example: examples.pool } },
    errors: ['not_found'],
    async run({ parameters }, { control }) {
      return json(poolView(find(await control.snapshot(), parameters.name ?? '')))
    },
  },
  {
    method: 'PATCH',
    path: '/pools/{name}',
    summary: 'Changes the balancer or the check of a pool.',
    body: { schema: shapes.PoolChange, example: examples.poolChange },
    endings: { 200: { description: 'The pool as it is now.', schema: shapes.Pool, example: examples.pool } },
    errors: ['not_found', 'invalid', 'unavailable'],
    async run({ parameters, body }, { control }) {
      const { balancer, health } = body as PoolChange
      const { name } = find(await control.snapshot(), parameters.name ?? '')
      await control.change({ kind: 'pool', pool: name, loadBalance: balancer, health: healthOf(health) })
      return json(poolView(find(await control.snapshot(), name)))
    },
  },
]

/** In a body, null switches a check off. */
export function healthOf(health: HealthSettings | null | undefined): HealthSettings | undefined {
  return health === null ? { path: false } : health
}

/** What is said of a pool that does not exist. */
export function noPool(name: string, known: readonly string[]): string {
  return unknown('pool', name, known)
}

function find({ pools }: Snapshot, name: string): PoolSnapshot {
  const pool = pools.find((each) => each.name === name)
  if (pool !== undefined) return pool
  const names = pools.map((each) => each.name)
  throw new ApiError('not_found', noPool(name, names))
}
