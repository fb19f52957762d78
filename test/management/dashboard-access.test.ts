/** The dashboard in a browser: for every eye, hand and screen. */

import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import type { Page } from 'playwright-core'
import { draws, holds, rowOf, scene, shows } from '../support/browser.js'
import { type FakeManagement, fakeServer, type State } from '../support/fake-management.js'

const axe: string = createRequire(import.meta.url)('axe-core').source
const phone = { width: 360, height: 740 }

/** One server of each state, with long names too. */
function manyServers(fake: FakeManagement): void {
  const long = 'a-host-with-a-rather-long-name.internal.region-1.example.com:8080'
  const states: State[] = ['up', 'offline', 'down', 'draining', 'disabled']
  fake.servers = states.map((state, index) => {
    const lastCheck = { at: new Date().toISOString(), passed: false, result: 'connect ECONNREFUSED', duration: 1234 }
    return fakeServer(`10.0.0.${index}:80`, 'api', { state, reason: 'because of a test', lastCheck })
  })
  fake.servers.push(fakeServer(long, 'a-pool-with-a-rather-long-name'))
}

/** Everything that a page can show is shown. */
async function fill(page: Page, fake: FakeManagement): Promise<void> {
  await shows(rowOf(page, '10.0.0.0:80'), 'up')
  fake.setState('10.0.0.0:80', 'down', 'status 500')
  await shows(page.locator('#changes li').first(), 'status 500')
  const now = Date.now()
  for (let second = 1; second < 9; second++) {
    const latency = { p50: second, p90: second * 2, p99: second * 3 }
    fake.tick({ requests: 1_234_567, errors: 123_456, latency, at: now + second * 1000 })
  }
  await shows(page.locator('#summary'), '1,234,567')
}

interface Findings {
  readonly violations: readonly {
    readonly id: string
    readonly nodes: readonly { readonly html: string; readonly failureSummary: string }[]
  }[]
}

async function violations(page: Page): Promise<string[]> {
  await page.evaluate(axe)
  const result: Findings = await page.evaluate(`axe.run(document, { resultTypes: ['violations'] })`)
  return result.violations.flatMap(({ id, nodes }) =>
    nodes.map(({ html, failureSummary }) => `${id}: ${html} ${failureSummary}`),
  )
}

async function overflow(page: Page): Promise<number> {
  return page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth')
}

for (const colorScheme of ['light', 'dark'] as const) {
  for (const viewport of [phone, { width: 1200, height: 900 }]) {
    const options = { colorScheme, viewport, prepare: manyServers, reducedMotion: 'reduce' } as const
    scene(`axe finds nothing: ${colorScheme}, ${viewport.width} pixels wide`, options, async ({ page, fake }) => {
      await fill(page, fake)
      assert.deepEqual(await violations(page), [])
      await rowOf(page, '10.0.0.0:80').getByRole('button', { name: 'Remove' }).click()
      assert.deepEqual(await violations(page), [])
    })
  }
}

for (const width of [320, 360, 768, 1120, 1121]) {
  const options = { viewport: { ...phone, width }, prepare: manyServers }
  scene(`nothing is wider than ${width} pixels`, options, async ({ page, fake }) => {
    await fill(page, fake)
    assert.equal(await overflow(page), 0)
    await rowOf(page, '10.0.0.0:80').getByRole('button', { name: 'Remove' }).click()
    assert.equal(await overflow(page), 0)
    const { width: wide = 0, x = -1 } = (await page.getByRole('dialog').boundingBox()) ?? {}
    assert.ok(x >= 0 && x + wide <= width)
  })
}

scene('plots shrink with the window', { prepare: manyServers }, async ({ page, fake }) => {
  await fill(page, fake)
  await page.setViewportSize(phone)
  await holds(page, 'document.querySelector(".plot canvas").getBoundingClientRect().right <= 360')
  assert.equal(await overflow(page), 0)
})

scene(
  'dark where the system is dark, plots too',
  { colorScheme: 'dark', prepare: manyServers },
  async ({ page, fake }) => {
    await fill(page, fake)
    // A line that is long enough to have pixels in its own colour alone.
    for (let second = 10; second < 200; second++) fake.tick({ requests: second, at: Date.now() + second * 1000 })
    const background = () => page.evaluate('getComputedStyle(document.body).backgroundColor')
    const light = 'red < 20 && blue > 150 && alpha > 200'
    const dark = 'red > 100 && blue > 240 && alpha > 200'
    assert.equal(await background(), 'rgb(13, 17, 23)')
    await draws(page, dark)
    await page.emulateMedia({ colorScheme: 'light' })
    assert.equal(await background(), 'rgb(246, 247, 249)')
    await draws(page, light)
    await page.emulateMedia({ colorScheme: 'dark' })
    await draws(page, dark)
  },
)

scene('a server is drained by keyboard alone', { prepare: manyServers }, async ({ page, fake }) => {
  await shows(rowOf(page, '10.0.0.0:80'), 'up')
  const wanted = 'Drain 10.0.0.0:80 in api'
  for (let presses = 0; presses < 30; presses++) {
    await page.keyboard.press('Tab')
    const outline = await page.evaluate('parseFloat(getComputedStyle(document.activeElement).outlineWidth)')
    assert.ok(Number(outline) >= 2, 'the focus cannot be seen')
    if ((await page.evaluate('document.activeElement.ariaLabel')) === wanted) break
  }
  assert.equal(await page.evaluate('document.activeElement.ariaLabel'), wanted)
  await page.keyboard.press('Enter')
  await shows(rowOf(page, '10.0.0.0:80').locator('.state'), 'draining')
  assert.deepEqual(JSON.parse(fake.changes[0]!.body), { state: 'draining' })
  assert.equal(await page.evaluate('document.activeElement.ariaLabel'), wanted)
  assert.equal(await page.evaluate('document.activeElement.ariaDisabled'), 'true')
})

scene('the focus stays while the list changes around it', { prepare: manyServers }, async ({ page, fake }) => {
  const button = rowOf(page, '10.0.0.2:80').getByRole('button', { name: 'Disable' })
  await button.focus()
  const label = () => page.evaluate('document.activeElement.ariaLabel')
  fake.servers.unshift(fakeServer('10.0.1.1:80', 'api'))
  fake.servers = fake.servers.filter(({ id }) => id !== '10.0.0.1:80').reverse()
  fake.tellServers()
  fake.tick({ requests: 5 })
  fake.setState('10.0.0.2:80', 'up', 'it was repaired')
  await shows(rowOf(page, '10.0.0.2:80'), 'it was repaired')
  await rowOf(page, '10.0.0.1:80').waitFor({ state: 'detached' })
  assert.equal(await label(), 'Disable 10.0.0.2:80 in api')
  // Its row goes: the focus goes to the title of the table, not to nowhere.
  fake.servers = fake.servers.filter(({ id }) => id !== '10.0.0.2:80')
  fake.tellServers()
  await rowOf(page, '10.0.0.2:80').waitFor({ state: 'detached' })
  assert.equal(await page.evaluate('document.activeElement.textContent'), 'Servers')
})

scene('what is typed survives updates', { prepare: manyServers }, async ({ page, fake }) => {
  const address = page.getByLabel('Address')
  await address.fill('10.0.0')
  await fill(page, fake)
  await address.pressSequentially('.7:80')
  assert.equal(await address.inputValue(), '10.0.0.7:80')
})

scene('changes are spoken, numbers are not', { prepare: manyServers }, async ({ page, fake }) => {
  await fill(page, fake)
  const live: string[] = await page.evaluate(
    `[...document.querySelectorAll('[aria-live], [role=status], [role=log], [role=timer]')].map(({ id }) => id)`,
  )
  assert.deepEqual(live, ['announcer'])
  assert.equal(await page.locator('#announcer').getAttribute('aria-live'), 'polite')
  const spoken = await page.locator('#announcer').innerText()
  fake.tick({ requests: 77 })
  await shows(page.locator('#summary'), '77')
  assert.equal(await page.locator('#announcer').innerText(), spoken)
})

scene('tables are tables, also as cards', { prepare: manyServers, viewport: phone }, async ({ page, fake }) => {
  await fill(page, fake)
  const table = page.getByRole('table', { name: 'Servers and their states' })
  assert.equal(await table.getByRole('row').count(), fake.servers.length + 1)
  assert.equal(await table.getByRole('columnheader').count(), 10)
  assert.equal(await table.getByRole('rowheader').count(), fake.servers.length)
  // Every state has its own sign beside its colour.
  const signs: string[] = await page.evaluate(
    `[...document.querySelectorAll('#servers .state')].map((each) => each.dataset.state + getComputedStyle(each, '::before').content)`,
  )
  assert.equal(new Set(signs.map((sign) => sign.replace(/^[a-z]+/, ''))).size, 5)
})

scene(
  'nothing moves for those who do not want it',
  { prepare: manyServers, reducedMotion: 'reduce' },
  async ({ page }) => {
    const duration = () =>
      page.evaluate('getComputedStyle(document.querySelector("#servers .state")).transitionDuration')
    await shows(rowOf(page, '10.0.0.0:80'), 'up')
    assert.equal(await duration(), '0s')
    await page.emulateMedia({ reducedMotion: 'no-preference' })
    assert.notEqual(await duration(), '0s')
  },
)
