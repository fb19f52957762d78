/** The dashboard in a browser: what it shows, and what its buttons do. */

import assert from 'node:assert/strict'
import { draws, holds, rowOf, scene, shows } from '../support/browser.js'
import { type FakeManagement, fakeServer } from '../support/fake-management.js'
import { eventually } from '../support/wire.js'

function twoPools(fake: FakeManagement): void {
  fake.balancers = { api: 'Least-Connections', web: 'Round-Robin' }
  fake.servers = [
    fakeServer('10.0.0.1:80', 'api', { weight: 3, connections: 2 }),
    fakeServer('10.0.0.2:80', 'api', {
      state: 'offline',
      reason: 'connect ECONNREFUSED',
      since: '2026-01-02T03:04:05.000Z',
      offlineUntil: '2026-01-02T03:05:05.000Z',
      lastCheck: { at: '2026-01-02T03:04:00.000Z', passed: false, result: 'timeout', duration: 2000 },
    }),
    fakeServer('unix:/run/app.sock', 'web', { backup: true }),
  ]
}

const served = { requests: 120, errors: 2.5, latency: { p50: 3.2, p90: 12, p99: 1500 } }

scene('pools, servers, processes and rates are shown', { prepare: twoPools }, async ({ page, fake }) => {
  await shows(rowOf(page, '10.0.0.1:80'), 'up')
  const failed = rowOf(page, '10.0.0.2:80')
  await shows(failed, /offline[\s\S]*connect ECONNREFUSED, until/)
  await shows(failed, /failed: timeout, 2 s/)
  await shows(rowOf(page, 'unix:/run/app.sock'), 'yes')
  fake.processes = [{ pid: 4321, started: '2026-01-02T03:04:05.000Z', memory: 96 * 2 ** 20, cpu: 1.25 }]
  fake.servers[0]!.connections = 7
  fake.tick({ ...served, active: 9, of: { api: served, 'api/10.0.0.1:80': { requests: 61 } } })
  const cells = rowOf(page, '10.0.0.1:80').getByRole('cell')
  await shows(cells.nth(5), '7')
  await shows(cells.nth(6), '61')
  await shows(cells.nth(3), '3')
  await shows(page.locator('#summary'), /Requests a second\s+120\s+Errors a second\s+2\.5/)
  await shows(page.locator('#summary'), /Latency, p99\s+1\.5 s\s+Under way\s+9\s+Servers up\s+2 of 3/)
  const pool = page.locator('#pools tbody tr').first()
  await shows(pool, /api\s+Least-Connections\s+1 of 2\s+0\s+120\s+2\.5\s+3\.2 ms\s+12 ms\s+1\.5 s/)
  await shows(page.locator('#processes tbody'), /4321[\s\S]*96 MiB\s+25 %/)
})

scene('a change of state is shown, listed and spoken', { prepare: twoPools }, async ({ page, fake }) => {
  await shows(rowOf(page, '10.0.0.1:80'), 'up')
  fake.setState('10.0.0.1:80', 'down', 'status 500')
  await shows(rowOf(page, '10.0.0.1:80'), /down\s+status 500/)
  await shows(page.locator('#changes li').first(), /10\.0\.0\.1:80 in api:[\s\S]*up[\s\S]*down[\s\S]*status 500/)
  await shows(page.locator('#announcer'), '10.0.0.1:80 in api is down: status 500.')
  fake.setState('10.0.0.1:80', 'up', '')
  await shows(page.locator('#changes li').first(), /down[\s\S]*up/)
  assert.equal(await page.locator('#changes li').count(), 2)
})

scene('what a process uses is measured from line to line, however many come at once', {}, async ({ page, fake }) => {
  await shows(page.locator('#processes tbody'), '4321')
  for (let second = 1; second < 20; second++) {
    fake.processes = fake.processes.map((each) => ({ ...each, cpu: each.cpu + 0.5 }))
    fake.tick()
  }
  fake.processes = fake.processes.map((each) => ({ ...each, cpu: each.cpu + 0.75 }))
  fake.tick()
  await shows(page.locator('#processes tbody'), '75 %')
})

scene('the list of changes has an end', { prepare: twoPools }, async ({ page, fake }) => {
  await shows(rowOf(page, '10.0.0.1:80'), 'up')
  for (let turn = 0; turn < 60; turn++) fake.setState('10.0.0.1:80', turn % 2 === 0 ? 'down' : 'up', `turn ${turn}`)
  await shows(page.locator('#changes li').first(), 'turn 59')
  assert.equal(await page.locator('#changes li').count(), 50)
  await shows(page.locator('#announcer'), 'servers have changed their state')
})

scene(
  'drain, disable and enable are sent, and their effect is shown',
  { prepare: twoPools },
  async ({ page, fake }) => {
    const row = rowOf(page, '10.0.0.1:80')
    for (const [button, state] of [
      ['Drain', 'draining'],
      ['Disable', 'disabled'],
      ['Enable', 'up'],
    ] as const) {
      await row.getByRole('button', { name: button }).click()
      await shows(row.locator('.state'), state)
      const { method, url, body } = fake.changes.at(-1)!
      assert.deepEqual([method, url, JSON.parse(body)], ['PATCH', '/servers/10.0.0.1/80?pool=api', { state }])
    }
    // What would change nothing is not sent.
    await row.getByRole('button', { name: 'Enable' }).click({ force: true })
    await row.getByRole('button', { name: 'Drain' }).click()
    await shows(row.locator('.state'), 'draining')
    assert.equal(fake.changes.length, 4)
  },
)

scene('removal is confirmed first', { prepare: twoPools }, async ({ page, fake }) => {
  const dialog = page.getByRole('dialog')
  const remove = (id: string) => rowOf(page, id).getByRole('button', { name: 'Remove' }).click()
  await remove('10.0.0.1:80')
  await shows(dialog.getByRole('heading'), 'Remove 10.0.0.1:80 from api?')
  await dialog.getByRole('button', { name: 'Cancel' }).click()
  await remove('10.0.0.1:80')
  await page.keyboard.press('Escape')
  await remove('10.0.0.1:80')
  assert.deepEqual(fake.changes, [])
  await dialog.getByRole('button', { name: 'Remove' }).click()
  await rowOf(page, '10.0.0.1:80').waitFor({ state: 'detached' })
  await remove('unix:/run/app.sock')
  await dialog.getByRole('checkbox').uncheck()
  await dialog.getByRole('button', { name: 'Remove' }).click()
  await rowOf(page, 'unix:/run/app.sock').waitFor({ state: 'detached' })
  assert.deepEqual(
    fake.changes.map(({ method, url }) => [method, url]),
    [
      ['DELETE', '/servers/10.0.0.1/80?pool=api&drain=30'],
      ['DELETE', '/servers/unix/%2Frun%2Fapp.sock?pool=web'],
    ],
  )
})

scene("the API's refusal stands beside the button", { prepare: twoPools }, async ({ page, fake, expected }) => {
  expected.push(/Failed to load resource.*409/)
  fake.refusal = { status: 409, code: 'conflict', message: 'the last server of a pool stays' }
  const row = rowOf(page, '10.0.0.1:80')
  await row.getByRole('button', { name: 'Drain' }).click()
  await shows(row.getByRole('alert'), 'the last server of a pool stays')
  await row.getByRole('button', { name: 'Drain' }).click()
  await shows(row.locator('.state'), 'draining')
  assert.equal(await row.getByRole('alert').innerText(), '')
})

scene('a server is added, and a bad address loses nothing', { prepare: twoPools }, async ({ page, fake, expected }) => {
  expected.push(/Failed to load resource.*400/)
  const form = page.getByRole('form', { name: 'Add a server' })
  const address = form.getByLabel('Address')
  await form.getByLabel('Pool').selectOption('web')
  await form.getByLabel('Weight').fill('4')
  await form.getByLabel('Backup').check()
  await address.fill('10.0.0.x/80')
  await address.press('Enter')
  await shows(form.getByRole('alert'), 'bad server "10.0.0.x/80"; a server is written as 10.0.0.1:80')
  fake.tick(served)
  await shows(page.locator('#summary'), '120')
  assert.deepEqual(
    [
      await address.inputValue(),
      await form.getByLabel('Pool').inputValue(),
      await form.getByLabel('Weight').inputValue(),
    ],
    ['10.0.0.x/80', 'web', '4'],
  )
  assert.ok(await form.getByLabel('Backup').isChecked())
  await address.fill('10.0.0.9:80')
  await form.getByRole('button', { name: 'Add' }).click()
  await shows(form.getByRole('alert'), 'Added 10.0.0.9:80.')
  await shows(rowOf(page, '10.0.0.9:80'), /web[\s\S]*4[\s\S]*yes/)
  await address.fill('10.0.0.9:80')
  await address.press('Enter')
  await shows(form.getByRole('alert'), '10.0.0.9:80 was there already.')
  const wanted = { url: '10.0.0.9:80', weight: 4, backup: true, pool: 'web' }
  assert.deepEqual(JSON.parse(fake.changes.at(-1)!.body), wanted)
})

scene('plots can be read, and follow the chosen pool', { prepare: twoPools }, async ({ page, fake }) => {
  await shows(rowOf(page, '10.0.0.1:80'), 'up')
  const now = Date.now()
  for (let second = 0; second < 60; second++) {
    const requests = 100 + second
    fake.tick({ ...served, requests, at: now + second * 1000, of: { web: { requests: second } } })
  }
  const plot = page.getByRole('img', { name: /^Requests a second/ })
  const description = async () => (await plot.getAttribute('aria-label')) ?? ''
  await holds(page, 'document.querySelector(".plot")?.ariaLabel?.includes("now 159")')
  assert.equal(await description(), 'Requests a second, last five minutes: requests now 159, lowest 100, highest 159.')
  assert.equal(await page.locator('.plot canvas').count(), 3)
  await shows(page.locator('figcaption').nth(1), /Latency\s+p50 3\.2 ms\s+p90 12 ms\s+p99 1\.5 s/)
  await page.getByLabel('Pool').first().selectOption('web')
  await holds(page, 'document.querySelector(".plot")?.ariaLabel?.includes("now 59")')
  assert.equal(await description(), 'Requests a second, last five minutes: requests now 59, lowest 0, highest 59.')
  const latency = page.getByRole('img', { name: /^Latency/ })
  assert.match((await latency.getAttribute('aria-label')) ?? '', /p50: nothing yet/)
  // Something is drawn, in the colour of its line.
  await draws(page, 'red < 60 && blue > 140 && alpha > 100')
})

const hostile = '<img src=x onerror="document.title=1">'

scene(
  'names and reasons are text, whatever they hold',
  {
    prepare: (fake) => {
      fake.balancers = { [hostile]: hostile }
      fake.servers = [fakeServer(`${hostile}:80`, hostile, { state: 'down', reason: hostile })]
    },
  },
  async ({ page, fake, expected }) => {
    expected.push(/Failed to load resource.*400/)
    await shows(rowOf(page, `${hostile}:80`), hostile)
    fake.setState(`${hostile}:80`, 'offline', `${hostile}!`)
    await shows(page.locator('#changes li').first(), `${hostile}!`)
    await shows(page.locator('#announcer'), `${hostile}!`)
    fake.refusal = { status: 400, code: 'invalid', message: hostile }
    await rowOf(page, `${hostile}:80`).getByRole('button', { name: 'Drain' }).click()
    await shows(rowOf(page, `${hostile}:80`).locator('.error'), hostile)
    await rowOf(page, `${hostile}:80`).getByRole('button', { name: 'Remove' }).click()
    await shows(page.getByRole('dialog').getByRole('heading'), hostile)
    assert.equal(await page.locator('img').count(), 0)
    assert.equal(await page.title(), 'Pointsman')
  },
)

scene('calls go where the page came from', { prepare: twoPools }, async ({ page, fake }) => {
  await eventually(() => fake.listeners === 1, 'the stream')
  await shows(rowOf(page, '10.0.0.1:80'), 'up')
  assert.ok(fake.calls.every(({ url }) => /^\/(?:events|servers)$/.test(url)))
})
