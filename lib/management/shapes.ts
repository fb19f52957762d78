/** The shapes of what clients send and get. Names here are names in the OpenAPI document. */

import { object, type Schema } from './schema.js'

const string: Schema = { type: 'string' }
const boolean: Schema = { type: 'boolean' }
const count: Schema = { type: 'integer', minimum: 0 }
const amount: Schema = { type: 'number', minimum: 0 }
const time: Schema = { type: 'string', format: 'date-time' }
const nothing: Schema = { type: 'null' }

function orNull(schema: Schema): Schema {
  return { anyOf: [schema, nothing] }
}

function listOf(items: Schema): Schema {
  return { type: 'array', items }
}

const duration: Schema = {
  anyOf: [
    { type: 'number', minimum: 0 },
    { type: 'string', pattern: '^\\d+(\\.\\d+)?(ms|s|m|h)?$', description: 'seconds, or a number with ms, s, m or h' },
  ],
}
const weight: Schema = { type: 'integer', minimum: 1, maximum: 1000 }
const statusRange: Schema = { type: 'string', pattern: '^[\\d\\s,-]+$', description: 'codes and ranges, as in 200-299' }

const healthSettings: Schema = object(
  {
    path: {
      anyOf: [
        { type: 'string', pattern: '^/', description: 'a path that begins with /' },
        { type: 'boolean', enum: [false] },
      ],
    },
    interval: duration,
    timeout: duration,
    fails: { type: 'integer', minimum: 1 },
    passes: { type: 'integer', minimum: 1 },
    status: {
      anyOf: [statusRange, { type: 'array', items: { anyOf: [{ type: 'integer', minimum: 100 }, statusRange] } }],
    },
  },
  ['path', 'interval', 'timeout', 'fails', 'passes', 'status'],
  'An active check. `path: false`: none. What is left out stays as it is.',
)

const lease: Schema = { type: 'integer', minimum: 2 }

const newServer: Schema = object(
  {
    url: { type: 'string', minLength: 1 },
    pool: string,
    weight,
    backup: boolean,
    health: orNull(healthSettings),
    lease,
  },
  ['pool', 'weight', 'backup', 'health', 'lease'],
)
const serverChange: Schema = {
  ...object(
    { weight, state: { type: 'string', enum: ['up', 'draining', 'disabled'] }, health: orNull(healthSettings) },
    ['weight', 'state', 'health'],
  ),
  minProperties: 1,
}
const poolChange: Schema = {
  ...object({ balancer: { type: 'string', minLength: 1 }, health: orNull(healthSettings) }, ['balancer', 'health']),
  minProperties: 1,
}

const links: Schema = object({ self: string })
const state: Schema = { type: 'string', enum: ['up', 'offline', 'down', 'draining', 'disabled'] }

const server: Schema = object({
  id: string,
  url: string,
  pool: string,
  state,
  reason: string,
  since: orNull(time),
  weight: count,
  backup: boolean,
  source: orNull(string),
  connections: count,
  consecutiveFailures: count,
  offlineUntil: orNull(time),
  lastCheck: orNull(object({ at: time, passed: boolean, result: string, duration: amount })),
  links,
})
const percentiles = { p50: orNull(amount), p90: orNull(amount), p99: orNull(amount) }
const latency: Schema = object(percentiles, [], 'Milliseconds; null where there was no request.')
const latencyWithMean: Schema = object(
  { ...percentiles, mean: orNull(amount) },
  [],
  'Milliseconds since the start; null where there was no request.',
)

const pool: Schema = object({
  name: string,
  balancer: string,
  health: orNull(
    object({ path: string, interval: amount, timeout: amount, fails: count, passes: count, status: string }),
  ),
  queued: count,
  requests: object(
    { '1xx': count, '2xx': count, '3xx': count, '4xx': count, '5xx': count, none: count },
    [],
    'Requests that ended, by the status that the client got.',
  ),
  retries: count,
  latency: latencyWithMean,
  servers: listOf(string),
  links,
})
const outcome: Schema = object({ success: count, failed: count })
const process: Schema = object({ pid: count, started: time, memory: count, cpu: amount })
const rates = { requestsPerSecond: amount, errorsPerSecond: amount, latency }

const serverList: Schema = object({ servers: listOf(server) })
const poolList: Schema = object({ pools: listOf(pool) })

type ShapeName =
  | 'About'
  | 'Server'
  | 'ServerList'
  | 'RemovedServers'
  | 'NewServer'
  | 'ServerChange'
  | 'HealthSettings'
  | 'Pool'
  | 'PoolList'
  | 'PoolChange'
  | 'Latency'
  | 'TotalLatency'
  | 'Outcome'
  | 'Stats'
  | 'ServerStats'
  | 'StateEvent'
  | 'StatsEvent'
  | 'Reloaded'
  | 'Alive'
  | 'Ready'
  | 'Error'

/** Every shape that has a name. */
export const shapes: Readonly<Record<ShapeName, Schema>> = {
  About: object({
    about: object({ name: string, version: string, description: string }),
    links: { type: 'object', description: 'Paths by their names.' },
  }),
  Server: server,
  ServerList: serverList,
  RemovedServers: object({ removed: listOf(server) }),
  NewServer: newServer,
  ServerChange: serverChange,
  HealthSettings: healthSettings,
  Pool: pool,
  PoolList: poolList,
  PoolChange: poolChange,
  Latency: latency,
  TotalLatency: latencyWithMean,
  Outcome: outcome,
  Stats: object({ client: outcome, server: outcome }),
  ServerStats: listOf(
    object({
      id: string,
      ip: string,
      port: count,
      pool: string,
      state,
      success: count,
      failed: count,
      connections: count,
      latency: latencyWithMean,
    }),
  ),
  StateEvent: object({ pool: string, server: string, from: state, to: state, reason: string, at: time }),
  StatsEvent: object({
    at: time,
    interval: amount,
    active: count,
    client: outcome,
    server: outcome,
    ...rates,
    processes: listOf(process),
    pools: listOf(
      object({
        name: string,
        balancer: string,
        queued: count,
        ...rates,
        servers: listOf(
          object({ id: string, connections: count, requestsPerSecond: amount, failuresPerSecond: amount, latency }),
        ),
      }),
    ),
  }),
  Reloaded: object({ reloaded: { type: 'boolean', enum: [true] } }),
  Alive: object({ status: { type: 'string', enum: ['ok'] } }),
  Ready: object(
    { ready: { type: 'boolean', enum: [true] }, registry: { type: 'string', enum: ['connected', 'disconnected'] } },
    ['registry'],
  ),
  Error: object({
    error: object(
      {
        code: string,
        message: string,
        diagnostics: listOf(
          object({ file: string, line: count, column: count, path: string, section: string, message: string }, [
            'file',
            'line',
            'column',
            'path',
          ]),
        ),
      },
      ['diagnostics'],
    ),
  }),
}
