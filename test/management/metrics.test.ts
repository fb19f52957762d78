import assert from 'node:assert/strict'
import { test } from 'node:test'
import { register } from 'prom-client'
import type { Control, PoolSnapshot, ServerSnapshot, Snapshot } from '#lib/forward/control.js'
import { createMetrics } from '#lib/management/metrics.js'
import { Durations, noDurations } from '#lib/pool/durations.js'
import { type Family, histograms, parseExposition } from './exposition.js'

function durations(...milliseconds: number[]) {
  const counted = new Durations()
  for (const each of milliseconds) counted.observe(each)
  return counted.snapshot()
}

function server(id: string, changes: Partial<ServerSnapshot> = {}): ServerSnapshot {
  return {
    id,
    url: `http://${id}`,
    host: id.split(':')[0]!,
    port: 80,
    pool: 'app',
    state: 'up',
    reason: '',
    weight: 1,
    backup: false,
    source: null,
    connections: 0,
    consecutiveFailures: 0,
    offlineUntil: null,
    lastCheck: null,
    since: null,
    success: 0,
    failed: 0,
    latency: noDurations(),
    ...changes,
  }
}

function pool(name: string, servers: readonly ServerSnapshot[], changes: Partial<PoolSnapshot> = {}): PoolSnapshot {
  return {
    name,
    balancer: 'Round-Robin',
    health: null,
    queued: 0,
    requests: [0, 0, 0, 0, 0, 0],
    retries: 0,
    duration: noDurations(),
    servers: servers.map((each) => ({ ...each, pool: name })),
    ...changes,
  }
}

function snapshotOf(pools: readonly PoolSnapshot[], changes: Partial<Snapshot> = {}): Snapshot {
  const none = { success: 0, failed: 0 }
  return { pools, active: 0, client: none, server: none, processes: [], ...changes }
}

/** A control of which nothing but the snapshot is asked. */
function controlOf(snapshot: () => Snapshot | Promise<Snapshot>): Control {
  return { snapshot: async () => snapshot() } as Control
}

async function scrape(snapshot: Snapshot): Promise<Map<string, Family>> {
  const { body } = await createMetrics(
    controlOf(() => snapshot),
    '1.2.3',
  )()
  return parseExposition(body)
}

/** The samples of a family as `a=1,b=2` → value. */
function values(families: Map<string, Family>, name: string): Record<string, number> {
  const { samples } = families.get(`pointsman_${name}`) ?? assert.fail(`${name} is missing`)
  return Object.fromEntries(
    samples.map(({ labels, value }) => [
      Object.entries(labels)
        .sort()
        .map(([label, text]) => `${label}=${text}`)
        .join(','),
      value,
    ]),
  )
}

test('the families, their types, and the content type', async () => {
  const { contentType, body } = await createMetrics(
    controlOf(() => snapshotOf([])),
    '1.2.3',
  )()
  assert.equal(contentType, 'text/plain; version=0.0.4; charset=utf-8')
  const families = parseExposition(body)
  assert.deepEqual(
    [...families.values()].map(({ name, type }) => `${name} ${type}`),
    [
      'pointsman_build_info gauge',
      'pointsman_requests_active gauge',
      'pointsman_requests_total counter',
      'pointsman_request_duration_seconds histogram',
      'pointsman_retries_total counter',
      'pointsman_pool_queued gauge',
      'pointsman_server_requests_total counter',
      'pointsman_server_latency_seconds histogram',
      'pointsman_server_connections gauge',
      'pointsman_server_weight gauge',
      'pointsman_server_state gauge',
      'pointsman_server_up gauge',
      'pointsman_check_success gauge',
      'pointsman_check_duration_seconds gauge',
      'pointsman_process_resident_memory_bytes gauge',
      'pointsman_process_cpu_seconds_total counter',
      'pointsman_process_start_time_seconds gauge',
    ],
  )
  assert.deepEqual(values(families, 'build_info'), { 'version=1.2.3': 1 })
  for (const { help } of families.values()) assert.match(help, /^\S.+\.$/)
})

test('pools: requests by class, retries, queue, and those under way', async () => {
  const pools = [
    pool('app', [], { requests: [7, 1, 200, 30, 4, 5], retries: 6, queued: 3 }),
    pool('static', [], { requests: [0, 0, 9, 0, 0, 0] }),
  ]
  const families = await scrape(snapshotOf(pools, { active: 12 }))
  assert.deepEqual(values(families, 'requests_total'), {
    'code=none,pool=app': 7,
    'code=1xx,pool=app': 1,
    'code=2xx,pool=app': 200,
    'code=3xx,pool=app': 30,
    'code=4xx,pool=app': 4,
    'code=5xx,pool=app': 5,
    'code=none,pool=static': 0,
    'code=1xx,pool=static': 0,
    'code=2xx,pool=static': 9,
    'code=3xx,pool=static': 0,
    'code=4xx,pool=static': 0,
    'code=5xx,pool=static': 0,
  })
  assert.deepEqual(values(families, 'retries_total'), { 'pool=app': 6, 'pool=static': 0 })
  assert.deepEqual(values(families, 'pool_queued'), { 'pool=app': 3, 'pool=static': 0 })
  assert.deepEqual(values(families, 'requests_active'), { '': 12 })
})

test('a histogram in seconds: doubling bounds, cumulative, with sum and count', async () => {
  const counted = durations(0.2, 0.3, 0.5, 1, 3, 100, 1_000_000)
  const families = await scrape(
    snapshotOf([pool('app', [server('a:80', { latency: counted })], { duration: counted })]),
  )
  for (const [name, labels] of [
    ['request_duration_seconds', { pool: 'app' }],
    ['server_latency_seconds', { pool: 'app', server: 'a:80' }],
  ] as const) {
    const { samples } = families.get(`pointsman_${name}`)!
    assert.equal(histograms(samples).size, 1)
    for (const sample of samples) {
      const { le: _, ...rest } = sample.labels
      assert.deepEqual(rest, labels)
    }
    const buckets = samples.filter((sample) => sample.name.endsWith('_bucket'))
    const expected = (le: number) => [0.2, 0.3, 0.5, 1, 3, 100, 1_000_000].filter((each) => each / 1000 <= le).length
    const bounds = [...Array.from({ length: 21 }, (_, i) => (0.25 * 2 ** i) / 1000), Number.POSITIVE_INFINITY]
    assert.deepEqual(
      buckets.map(({ labels, value }) => [Number(labels.le!.replace('+Inf', 'Infinity')), value]),
      bounds.map((le) => [le, expected(le)]),
    )
    assert.deepEqual(
      samples.slice(-2).map(({ name: each, value }) => [each, value]),
      [
        [`pointsman_${name}_sum`, counted.sum / 1000],
        [`pointsman_${name}_count`, 7],
      ],
    )
  }
})

test('servers: counts, connections, weight, state', async () => {
  const servers = [
    server('a:80', { success: 10, failed: 2, connections: 4, weight: 3 }),
    server('b:80', { state: 'offline' }),
    server('c:80', { state: 'draining' }),
  ]
  const families = await scrape(snapshotOf([pool('app', servers)]))
  const requests = values(families, 'server_requests_total')
  assert.equal(requests['outcome=success,pool=app,server=a:80'], 10)
  assert.equal(requests['outcome=failed,pool=app,server=a:80'], 2)
  assert.equal(requests['outcome=failed,pool=app,server=b:80'], 0)
  assert.equal(values(families, 'server_connections')['pool=app,server=a:80'], 4)
  assert.equal(values(families, 'server_weight')['pool=app,server=a:80'], 3)
  assert.deepEqual(values(families, 'server_up'), {
    'pool=app,server=a:80': 1,
    'pool=app,server=b:80': 0,
    'pool=app,server=c:80': 0,
  })
  const state = Object.entries(values(families, 'server_state'))
  assert.equal(state.length, 15)
  assert.deepEqual(
    state.filter(([, value]) => value === 1).map(([labels]) => labels),
    ['pool=app,server=a:80,state=up', 'pool=app,server=b:80,state=offline', 'pool=app,server=c:80,state=draining'],
  )
  assert.ok(state.every(([, value]) => value === 0 || value === 1))
})

test('checks: the last one, and nothing for a server that was never checked', async () => {
  const passed = { at: 1, passed: true, result: '200', duration: 12 }
  const servers = [
    server('a:80', { lastCheck: passed }),
    server('b:80', { lastCheck: { ...passed, passed: false, duration: 5000 } }),
    server('c:80'),
  ]
  const families = await scrape(snapshotOf([pool('app', servers)]))
  assert.deepEqual(values(families, 'check_success'), { 'pool=app,server=a:80': 1, 'pool=app,server=b:80': 0 })
  assert.deepEqual(values(families, 'check_duration_seconds'), {
    'pool=app,server=a:80': 0.012,
    'pool=app,server=b:80': 5,
  })
})

test('processes', async () => {
  const processes = [
    { pid: 11, started: 1_700_000_000_500, memory: 50_000_000, cpu: 1.25 },
    { pid: 12, started: 1_700_000_001_000, memory: 60_000_000, cpu: 2 },
  ]
  const families = await scrape(snapshotOf([], { processes }))
  assert.deepEqual(values(families, 'process_resident_memory_bytes'), { 'pid=11': 50_000_000, 'pid=12': 60_000_000 })
  assert.deepEqual(values(families, 'process_cpu_seconds_total'), { 'pid=11': 1.25, 'pid=12': 2 })
  assert.deepEqual(values(families, 'process_start_time_seconds'), {
    'pid=11': 1_700_000_000.5,
    'pid=12': 1_700_000_001,
  })
})

test('a server that has left is gone from the output', async () => {
  let servers = [server('a:80'), server('b:80')]
  const metrics = createMetrics(
    controlOf(() => snapshotOf([pool('app', servers)])),
    '1',
  )
  assert.match((await metrics()).body, /server="b:80"/)
  servers = [server('a:80')]
  const { body } = await metrics()
  assert.match(body, /server="a:80"/)
  assert.doesNotMatch(body, /b:80/)
  parseExposition(body)
})

test('label values are escaped: a name cannot forge a line', async () => {
  const name = 'a"b\\c\nd{},e="f"\n# TYPE x counter'
  const id = 'unix:/run/"\\\n.sock'
  const families = await scrape(snapshotOf([pool(name, [server(id, { latency: durations(1) })])]))
  assert.deepEqual(families.get('pointsman_server_up')!.samples[0]!.labels, { pool: name, server: id })
  for (const { labels } of families.get('pointsman_server_latency_seconds')!.samples) {
    assert.deepEqual([labels.pool, labels.server], [name, id])
  }
})

test('scrapes that overlap do not mix, and a failed one leaves the next alone', async () => {
  const waiting: ((snapshot: Snapshot | Error) => void)[] = []
  const metrics = createMetrics(
    controlOf(
      () =>
        new Promise((resolve, reject) => {
          waiting.push((answer) => (answer instanceof Error ? reject(answer) : resolve(answer)))
        }),
    ),
    '1',
  )
  const [first, second, third] = [metrics(), metrics(), metrics()]
  waiting[2]!(new Error('no process answers'))
  waiting[1]!(snapshotOf([pool('two', [])]))
  waiting[0]!(snapshotOf([pool('one', [])]))
  await assert.rejects(third, /no process answers/)
  assert.deepEqual(values(parseExposition((await first).body), 'pool_queued'), { 'pool=one': 0 })
  assert.deepEqual(values(parseExposition((await second).body), 'pool_queued'), { 'pool=two': 0 })
})

test("nothing is put into prom-client's global registry", async () => {
  await scrape(snapshotOf([pool('app', [server('a:80')])]))
  assert.deepEqual(register.getMetricsAsArray(), [])
})

test('the reader of the tests refuses what is wrong', () => {
  const head = '# HELP h A.\n# TYPE h histogram\n'
  const wrong = [
    '# HELP a_total A.\n# TYPE a_total counter\na_total 1',
    'a 1\n',
    '# TYPE a gauge\na 1\n',
    '# HELP a A.\n# TYPE a gauge\n# HELP a A.\n# TYPE a gauge\n',
    '# HELP a A.\n# TYPE a gauge\na 1\na 1\n',
    '# HELP a A.\n# TYPE a gauge\na{x="1"y="2"} 1\n',
    '# HELP a A.\n# TYPE a gauge\na{x="\\q"} 1\n',
    '# HELP a A.\n# TYPE a gauge\na Nan\n',
    '# HELP a A.\n# TYPE a counter\na 1\n',
    `${head}h_bucket{le="+Inf"} 1\nh_sum 1\n`,
    `${head}h_bucket{le="1"} 1\nh_sum 1\nh_count 1\n`,
    `${head}h_bucket{le="1"} 2\nh_bucket{le="+Inf"} 1\nh_sum 1\nh_count 1\n`,
    `${head}h_bucket{le="2"} 0\nh_bucket{le="1"} 1\nh_bucket{le="+Inf"} 1\nh_sum 1\nh_count 1\n`,
    `${head}h_bucket{le="+Inf"} 1\nh_sum 1\nh_count 2\n`,
  ]
  for (const text of wrong) assert.throws(() => parseExposition(text), text)
  parseExposition(`${head}h_bucket{le="1"} 1\nh_bucket{le="+Inf"} 1\nh_sum 1\nh_count 1\n`)
})
