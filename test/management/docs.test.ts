/** The page says what the API does: its calls, its errors, its events, and each example as it is answered. */

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { type TestContext, test } from 'node:test'
import type { Control } from '#lib/forward/control.js'
import { calls } from '#lib/management/api.js'
import { apiErrors } from '#lib/management/errors.js'
import { managementTable } from '#lib/management/options.js'
import { Router } from '#lib/management/router.js'
import { problemOf } from '#lib/management/schema.js'
import { shapes } from '#lib/management/shapes.js'
import { MemoryControl } from '../support/control.js'
import { realControl } from './real-control.js'
import { type CallOptions, type Managed, managing } from './support.js'

const page = readFileSync(new URL('../../docs/management-api.md', import.meta.url), 'utf8')
const base = 'http://127.0.0.1:8687'

/** The text under each heading of the third level, by the heading. */
const sections = new Map(
  page
    .split(/^##+ /m)
    .map((part): [string, string] => [part.slice(0, part.indexOf('\n')), part.slice(part.indexOf('\n'))]),
)

/** The examples: a command, and what is printed for it, where the page says that. */
const examples = [...page.matchAll(/```sh\n(curl [^`]*)\n```(?:\n\n```(?:json|text)\n([^`]*)```)?/g)].map(
  ([, command = '', printed]) => ({ command, printed }),
)

interface Curl extends CallOptions {
  readonly method: string
  readonly path: string
}

/** What a command of the page asks. */
function parseCurl(command: string): Curl {
  const words = [...command.matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g)].map(
    ([, one, two, three]) => one ?? two ?? three ?? '',
  )
  const headers: Record<string, string> = {}
  let method: string | undefined
  let body: string | undefined
  let url = ''
  assert.equal(words.shift(), 'curl')
  for (let word = words.shift(); word !== undefined; word = words.shift()) {
    if (word === '-X') method = words.shift()
    else if (word === '-d') body = words.shift()
    else if (word === '-H') {
      const [name = '', value = ''] = (words.shift() ?? '').split(': ')
      headers[name] = value
    } else if (word !== '-N') {
      assert.ok(word.startsWith(`${base}/`), `${word} in ${command}`)
      url = word
    }
  }
  if (body !== undefined) headers['content-type'] = 'application/x-www-form-urlencoded'
  const more = { headers, ...(body === undefined ? {} : { body }) }
  return { method: method ?? (body === undefined ? 'GET' : 'POST'), path: url.slice(base.length), ...more }
}

test('the page has each call, in the order of the API, with an example', () => {
  const documented = [...sections.keys()].flatMap((heading) => /^`([A-Z]+ \/.*)`$/.exec(heading)?.[1] ?? [])
  const served = calls.map(({ method, path }) => `${method} ${path}`)
  const order = (list: string[]): string[] => list.toSorted()
  assert.deepEqual(order(documented), order(served))
  const router = new Router(calls)
  const shown = new Set(
    examples.map(({ command }) => {
      const { method, path } = parseCurl(command)
      const { route } = router.find(method, path)
      return `${route.method} ${route.path}`
    }),
  )
  assert.deepEqual(
    served.filter((call) => !shown.has(call)),
    [],
  )
})

test('the page names each key of a body and each parameter of a query', () => {
  for (const { method, path, body, query } of calls) {
    const text = sections.get(`\`${method} ${path}\``) ?? ''
    for (const key of Object.keys(body?.schema.properties ?? {}))
      assert.ok(text.includes(`\`${key}\``), `${path} ${key}`)
    // `pool` and `id` are told where the path is.
    const told = method === 'GET' ? Object.keys(query ?? {}) : Object.keys(query ?? {}).filter((name) => name !== 'id')
    for (const name of told) assert.ok(text.includes(`?${name}=`), `${method} ${path} ?${name}`)
  }
})

/** The configuration of the session. */
const [, configuration = ''] = /The examples are one session[^`]*```ini\n([^`]*)```/.exec(page) ?? []
const controls: Readonly<Record<string, (t: TestContext) => Control>> = {
  'a proxy': (t) => realControl(t, configuration),
  'the control of the tests': () => new MemoryControl(),
}

for (const [name, begin] of Object.entries(controls)) {
  test(`the examples are answered as the page says, by ${name}`, async (t) => {
    const metrics = async () => ({ contentType: 'text/plain', body: 'm 1\n' })
    const assets = () => ({ contentType: 'text/html', body: 'page' })
    const api = await managing(t, begin(t), {}, { metrics, assets })
    await session(api)
  })
}

async function session(api: Managed<Control>): Promise<void> {
  let compared = 0
  for (const { command, printed } of examples) {
    const { method, path, ...options } = parseCurl(command)
    if (path === '/events') continue
    const { status, text, json } = await api.call(method, path, options)
    assert.ok(status < 400 || printed !== undefined, `${command}: ${text}`)
    if (printed === undefined) continue
    if (json === undefined) assert.equal(printed, text, command)
    else assert.deepEqual(JSON.parse(printed), json, command)
    compared++
  }
  assert.ok(compared > 10, `${compared} examples have answers`)
}

test('the page lists the errors with their meanings', () => {
  const rows = [...(sections.get('Errors') ?? '').matchAll(/^\| `(\w+)` \| (\d+) \| (.*) \|$/gm)]
  assert.deepEqual(
    rows.map(([, code, status, meaning]) => [code, Number(status), meaning]),
    Object.entries(apiErrors).map(([code, { status, meaning }]) => [code, status, meaning]),
  )
})

test('the page lists the keys of [MANAGEMENT]', () => {
  for (const { key } of Object.values(managementTable)) assert.match(page, new RegExp(`^\\| \`${key}\` \\|`, 'm'))
})

test('the events of the page have their shapes', () => {
  const data = (event: string): unknown =>
    JSON.parse(/```json\n([^`]*)```/.exec(sections.get(`\`${event}\``) ?? '')?.[1] ?? '0')
  assert.equal(problemOf(shapes.StateEvent, data('state')), undefined)
  assert.equal(problemOf(shapes.StatsEvent, data('stats')), undefined)
})
