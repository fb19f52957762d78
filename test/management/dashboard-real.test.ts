/** The dashboard of a proxy that runs, in a browser. */

import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { realScene, rowOf, shows } from '../support/browser.js'
import { folder, launch } from '../support/process.js'
import { request } from '../support/rig.js'
import { httpServer } from '../support/upstream.js'

/** Who answered, since the last look. */
const answered = { a: 0, b: 0 }
const addresses = { a: '', b: '' }
let port = 0

async function start(t: TestContext): Promise<string> {
  for (const name of ['a', 'b'] as const) {
    const { url } = await httpServer(t, (_, res) => {
      answered[name]++
      res.end(name)
    })
    addresses[name] = `http://${url}`
  }
  const file = `[LISTEN]
Address 127.0.0.1:0
[MANAGEMENT]
Listen 127.0.0.1:0
[PROXY_ENTRY web]
Match /*
ServerList ${addresses.a} ${addresses.b}
`
  const proxy = launch(t, ['start'], { cwd: folder(t, { 'proxy.conf': file }) })
  const [, management] = await proxy.output(/management API on (http:\S+),/)
  const [, listening] = await proxy.output(/listening on http:\/\/127\.0\.0\.1:(\d+)/)
  port = Number(listening)
  return management as string
}

async function traffic(): Promise<{ a: number; b: number }> {
  Object.assign(answered, { a: 0, b: 0 })
  for (let i = 0; i < 10; i++) assert.equal((await request({ port })).status, 200)
  return { ...answered }
}

realScene('a click on Drain drains: the state and the traffic change, and back', start, async (page) => {
  const row = rowOf(page, addresses.a)
  await shows(row, 'up')
  assert.deepEqual(await traffic(), { a: 5, b: 5 })
  await row.getByRole('button', { name: /drain/i }).click()
  await shows(row, /draining\s+by request/)
  await shows(page.locator('#changes li').first(), /up[\s\S]*draining/)
  assert.deepEqual(await traffic(), { a: 0, b: 10 })
  // The line of a second with requests of one server only.
  await shows(page.locator('#summary'), /Servers up\s+1 of 2/)
  await row.getByRole('button', { name: /enable/i }).click()
  await shows(row, 'up')
  assert.deepEqual(await traffic(), { a: 5, b: 5 })
})
