import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import type { Control } from '#lib/forward/control.js'
import { lineFormat } from '#lib/log/format.js'
import { createMetrics } from '#lib/management/metrics.js'
import { noDurations } from '#lib/pool/durations.js'
import { entryOf } from '../log/entries.js'

// Compiled tests stand in dist-test/docs/.
const page = readFileSync(new URL('../../docs/monitoring.md', import.meta.url), 'utf8')

/** A proxy with a registry, a pool, a server that is checked, and a process: every metric has a sample. */
const control = {
  snapshot: async () => ({
    active: 0,
    registry: { url: 'etcd://h:2379/p', connected: true, reason: '', since: 0 },
    client: { success: 0, failed: 0 },
    server: { success: 0, failed: 0 },
    processes: [{ pid: 1, started: 0, memory: 1, cpu: 0 }],
    pools: [
      {
        name: 'p',
        requests: [0, 0, 0, 0, 0, 0],
        retries: 0,
        queued: 0,
        duration: noDurations(),
        servers: [
          {
            id: 's',
            pool: 'p',
            state: 'up',
            weight: 1,
            connections: 0,
            success: 0,
            failed: 0,
            latency: noDurations(),
            lastCheck: { at: 0, passed: true, result: '200', duration: 1 },
          },
        ],
      },
    ],
  }),
} as unknown as Control

test('docs/monitoring.md lists the metrics with their types and labels, in their order', async () => {
  const { body } = await createMetrics(control, '1')()
  const described = [...body.matchAll(/^# TYPE (\S+) (\S+)\n(\w+)(?:\{(.*)\})? /gm)].map(
    ([, name, type, , labels = '']) => {
      const names = [...labels.matchAll(/(\w+)="/g)].map(([, label]) => label!).filter((label) => label !== 'le')
      return [name, type, names.sort()]
    },
  )
  const listed = [...page.matchAll(/^\| `(pointsman_\w+)` \| (\w+) \| (.*?) \| .+ \|$/gm)].map(
    ([, name, type, labels]) => [name, type, [...labels!.matchAll(/`(\w+)`/g)].map(([, label]) => label!).sort()],
  )
  assert.ok(listed.length > 10)
  assert.deepEqual(listed, described)
})

test('the lines of the access log on the page are such lines', () => {
  const json = /```json\n(\{"time".*\n)```/.exec(page)?.[1] ?? ''
  assert.equal(json, lineFormat('json')(entryOf()))
  const combined = /```text\n(192\.0\.2\.1 - - .*\n)```/.exec(page)?.[1] ?? ''
  // Local time is that of the machine.
  const withoutTime = (line: string) => line.replace(/\[.*?\]/, '[]')
  assert.equal(withoutTime(combined), withoutTime(lineFormat('combined')(entryOf())))
})

test('the channels on the page are those that are published to', () => {
  const code = readFileSync(new URL('../../lib/forward/forwarder.ts', import.meta.url), 'utf8')
  const published = [...code.matchAll(/channel\('(pointsman:[^']+)'\)/g)].map(([, name]) => name)
  const listed = [...page.matchAll(/^\| `(pointsman:[^`]+)` \|/gm)].map(([, name]) => name)
  assert.deepEqual(listed, published)
})
