/** What the page is made of, without a browser. */

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { dashboardAssets } from '#lib/management/dashboard/assets.js'

// Compiled tests stand in dist-test/management/.
const root = fileURLToPath(new URL('../../', import.meta.url))
const sources = join(root, 'lib/management/dashboard')
const assets = dashboardAssets()
const text = (path: string) => String(assets(path)?.body)

/** A module of the page; it has no types here. */
async function load<Module>(name: string): Promise<Module> {
  return import(`#lib/management/dashboard/${name}.js`)
}

test('the page, and all that it asks for, is there', () => {
  const page = text('/dashboard')
  const wanted = [...page.matchAll(/(?:href|src)="([^"]+)"/g)].map(([, path]) => `/${path}`)
  assert.deepEqual(wanted.sort(), [
    '/dashboard/app.js',
    '/dashboard/icon.svg',
    '/dashboard/style.css',
    '/dashboard/uplot.css',
  ])
  const seen = new Set<string>()
  for (let path = wanted.shift(); path !== undefined; path = wanted.shift()) {
    if (seen.has(path)) continue
    seen.add(path)
    assert.ok(assets(path), `${path} is missing`)
    if (!path.endsWith('.js') || path.endsWith('/uplot.js')) continue
    for (const [, name] of text(path).matchAll(/^import .*? from '\.\/([^']+)'/gm)) wanted.push(`/dashboard/${name}`)
  }
  const files = readdirSync(sources).filter((name) => /\.(?:js|css|svg)$/.test(name))
  assert.deepEqual([...seen].sort(), [...files, 'uplot.js', 'uplot.css'].map((name) => `/dashboard/${name}`).sort())
})

test('types of content, and nothing else below the path', () => {
  const types = {
    '/dashboard': 'text/html; charset=utf-8',
    '/dashboard/app.js': 'text/javascript; charset=utf-8',
    '/dashboard/uplot.js': 'text/javascript; charset=utf-8',
    '/dashboard/uplot.css': 'text/css; charset=utf-8',
    '/dashboard/icon.svg': 'image/svg+xml',
  }
  for (const [path, contentType] of Object.entries(types)) assert.equal(assets(path)?.contentType, contentType)
  for (const path of ['/', '/dashboard/', '/dashboard/assets.js', '/dashboard/../assets.js', '/dashboard/index.html']) {
    assert.equal(assets(path), undefined, path)
  }
})

test('nothing is inline, and nothing comes from elsewhere', () => {
  const page = text('/dashboard')
  assert.doesNotMatch(page, /<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)|https?:\/\//)
  for (const name of readdirSync(sources).filter((each) => /\.(?:js|css)$/.test(each))) {
    const source = readFileSync(join(sources, name), 'utf8')
    assert.doesNotMatch(
      source,
      /https?:\/\/|innerHTML|outerHTML|insertAdjacentHTML|document\.write|@import|\burl\(/,
      name,
    )
    assert.ok(source.split('\n').length <= 300 || name === 'style.css', `${name} is too long`)
  }
})

test('its modules hold to their types', () => {
  const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc')
  const { status, stdout } = spawnSync(process.execPath, [compiler, '-p', sources], { encoding: 'utf8' })
  assert.equal(status, 0, stdout)
})

test('what tsc leaves behind is beside what it compiled', () => {
  assert.ok(existsSync(join(root, 'dist/management/dashboard/assets.js')))
  for (const name of readdirSync(sources).filter((each) => /\.(?:js|css|html|svg)$/.test(each))) {
    const copy = readFileSync(join(root, 'dist/management/dashboard', name), 'utf8')
    assert.equal(copy, readFileSync(join(sources, name), 'utf8'), `${name} is stale`)
  }
})

test('events are read in any pieces', async () => {
  const { EventParser } = await load<{
    EventParser: new () => { retry?: number; feed(text: string): unknown[] }
  }>('stream')
  const stream =
    'retry: 2000\r\n\n: keep-alive\n\nevent: state\ndata: {"a":\ndata: 1}\n\ndata:x\r\n\r\nevent: empty\n\nid: 7\n\n'
  const events = [
    { event: 'state', data: '{"a":\n1}' },
    { event: 'message', data: 'x' },
  ]
  for (let size = 1; size <= stream.length; size++) {
    const parser = new EventParser()
    const found: unknown[] = []
    for (let at = 0; at < stream.length; at += size) found.push(...parser.feed(stream.slice(at, at + size)))
    assert.deepEqual(found, events, `in pieces of ${size}`)
    assert.equal(parser.retry, 2000)
  }
})

test('the history keeps five minutes of each pool, with its gaps', async () => {
  const { History } = await load<{
    History: new () => { add(stats: object): void; read(pool: string, metrics: string[]): (number | null)[][] }
  }>('history')
  const history = new History()
  const start = Date.parse('2026-01-02T03:04:05Z')
  const latency = { p50: null, p90: 2, p99: 3 }
  const add = (second: number, requests: number, names: string[]) => {
    const measured = { requestsPerSecond: requests, errorsPerSecond: 0, latency }
    const pools = names.map((name) => ({ ...measured, name, requestsPerSecond: requests / 2 }))
    history.add({ ...measured, at: new Date(start + second * 1000).toISOString(), pools })
  }
  add(0, 10, ['a'])
  add(1, 12, ['a', 'b'])
  assert.deepEqual(history.read('', ['requests', 'p50', 'p90']), [
    [start / 1000, start / 1000 + 1],
    [10, 12],
    [null, null],
    [2, 2],
  ])
  assert.deepEqual(history.read('b', ['requests'])[1], [null, 6])
  add(20, 14, ['a'])
  assert.deepEqual(history.read('a', ['requests'])[1], [5, 6, null, 7])
  assert.deepEqual(history.read('b', ['requests'])[1], [null, null, null, null])
  for (let second = 21; second < 1000; second++) add(second, second, ['a'])
  const [times = [], values = []] = history.read('', ['requests'])
  assert.equal(times.length, values.length)
  assert.ok(times.length >= 301 && times.length < 400)
  assert.deepEqual([times.at(-1), values.at(-1), values[0]], [start / 1000 + 999, 999, 1000 - times.length])
  // The clock was set back.
  add(500, 1, ['a'])
  assert.deepEqual(history.read('a', ['requests']), [[start / 1000 + 500], [0.5]])
})

test('values as people read them', async () => {
  const { age, bytes, milliseconds, moment, number } = await load<{
    age(value: number): string
    bytes(value: number): string
    milliseconds(value: number | null): string
    moment(value: number | null, now: number): string
    number(value: number): string
  }>('format')
  assert.deepEqual([0, 9.94, 10.4, 1_234_567].map(number), ['0', '9.9', '10', '1,234,567'])
  assert.deepEqual([null, 0.25, 12.4, 1500, Number.NaN].map(milliseconds), ['–', '0.3 ms', '12 ms', '1.5 s', '–'])
  assert.deepEqual([2 ** 20, 1536 * 2 ** 20].map(bytes), ['1 MiB', '1.5 GiB'])
  assert.deepEqual([0, 119_000, 120_000, 7_200_000].map(age), ['0 s', '119 s', '2 min', '2 h'])
  const noon = new Date(2026, 0, 2, 12).getTime()
  assert.match(moment(noon, noon), /^12:00:00$/)
  assert.match(moment(noon, noon + 86_400_000), /2026.*12:00:00$/)
  assert.equal(moment(null, noon), '–')
})
