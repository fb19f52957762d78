/** Examples of bodies, for the OpenAPI document. A test holds them against their shapes. */

const server = {
  id: 'http://10.0.0.1:80',
  url: 'http://10.0.0.1:80',
  pool: 'web',
  state: 'offline',
  reason: 'connect ECONNREFUSED 10.0.0.1:80',
  since: '2024-01-01T00:00:00.000Z',
  weight: 1,
  backup: false,
  source: null,
  connections: 0,
  consecutiveFailures: 2,
  offlineUntil: '2024-01-01T00:01:00.000Z',
  lastCheck: {
    at: '2024-01-01T00:00:00.000Z',
    passed: false,
    result: 'connect ECONNREFUSED 10.0.0.1:80',
    duration: 0.42,
  },
  links: { self: '/servers/10.0.0.1/80?pool=web' },
}

const latency = { p50: 3.1, p90: 7.9, p99: 21.4 }

export const about: unknown = {
  about: { name: 'pointsman', version: '1.0.0', description: 'Management of a running reverse proxy' },
  links: { servers: '/servers', pools: '/pools', statsDetail: '/stats/detail' },
}
export const serverList: unknown = { servers: [server] }
export const removedServers: unknown = { removed: [server] }
export const newServer: unknown = {
  url: '10.0.0.3:80',
  pool: 'web',
  weight: 2,
  health: { path: '/health', interval: 5 },
}
export const serverChange: unknown = { state: 'draining' }

export const pool: unknown = {
  name: 'web',
  balancer: 'Round-Robin',
  health: { path: '/health', interval: 5, timeout: 2, fails: 3, passes: 2, status: '200-299' },
  queued: 0,
  requests: { '1xx': 0, '2xx': 1840, '3xx': 12, '4xx': 31, '5xx': 2, none: 1 },
  retries: 3,
  latency: { ...latency, mean: 4.2 },
  servers: ['http://10.0.0.1:80', 'http://10.0.0.2:80'],
  links: { self: '/pools/web' },
}
export const poolList: unknown = { pools: [pool] }
export const poolChange: unknown = { balancer: 'Least-Connections', health: { path: '/health', interval: '2s' } }

export const stats: unknown = { client: { success: 1883, failed: 3 }, server: { success: 1883, failed: 6 } }
export const serverStats: unknown = [
  {
    id: 'http://10.0.0.1:80',
    ip: '10.0.0.1',
    port: 80,
    pool: 'web',
    state: 'up',
    success: 941,
    failed: 6,
    connections: 2,
    latency: { ...latency, mean: 4.2 },
  },
]
export const metrics: unknown = '# TYPE pointsman_retries_total counter\npointsman_retries_total{pool="web"} 3\n'
export const configuration: unknown =
  '# As it was read; changes made through the API are not in it.\n[PROXY_ENTRY web]\nMatch /*\nServerList 10.0.0.1:80 10.0.0.2:80\n'
export const events: unknown =
  'event: state\ndata: {"pool":"web","server":"http://10.0.0.1:80","from":"up","to":"offline",' +
  '"reason":"connect ECONNREFUSED 10.0.0.1:80","at":"2024-01-01T00:00:00.000Z"}\n\n'
