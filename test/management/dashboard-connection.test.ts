/** The dashboard in a browser: tokens, and connections that come and go. */

import assert from 'node:assert/strict'
import { rowOf, scene, shows } from '../support/browser.js'
import { type FakeManagement, fakeServer } from '../support/fake-management.js'
import { eventually } from '../support/wire.js'

function oneServer(fake: FakeManagement): void {
  fake.servers = [fakeServer('10.0.0.1:80', 'api')]
}

/** The page waits so long that only its button ends the wait. */
function patient(fake: FakeManagement): void {
  oneServer(fake)
  fake.retry = 30_000
}

function silent(fake: FakeManagement): void {
  oneServer(fake)
  fake.keepsAlive = false
  fake.retry = 5000
}

function withToken(fake: FakeManagement): void {
  oneServer(fake)
  fake.token = 'sesame'
}

scene(
  'a 401 asks for the token, and every call carries it',
  { prepare: withToken },
  async ({ page, fake, expected }) => {
    expected.push(/Failed to load resource.*401/)
    const dialog = page.getByRole('dialog')
    const token = dialog.getByLabel('Token')
    await token.fill('wrong')
    await token.press('Enter')
    await shows(dialog.getByRole('alert'), 'This token was not accepted.')
    // No header can carry this one.
    await token.fill('ключ')
    await token.press('Enter')
    await shows(dialog.getByRole('alert'), 'This token was not accepted.')
    await token.fill('sesame')
    await dialog.getByRole('button', { name: 'Use it' }).click()
    const row = rowOf(page, '10.0.0.1:80')
    await row.getByRole('button', { name: 'Drain' }).click()
    await shows(row.locator('.state'), 'draining')
    assert.equal(fake.changes[0]?.authorization, 'Bearer sesame')
    assert.equal(await dialog.count(), 0)
    await page.reload()
    await shows(row.locator('.state'), 'draining')
    assert.equal(await dialog.count(), 0)
    assert.ok(!page.url().includes('sesame'))
  },
)

scene('whoever has no token can ask for the question again', { prepare: withToken }, async ({ page, expected }) => {
  expected.push(/Failed to load resource.*401/)
  await page.getByRole('dialog').getByRole('button', { name: 'Cancel' }).click()
  await shows(page.locator('#connection'), 'the token is missing')
  await page.getByRole('button', { name: 'Enter the token' }).click()
  await page.getByRole('dialog').getByLabel('Token').fill('sesame')
  await page.keyboard.press('Enter')
  await shows(page.locator('#connection'), 'Live')
})

scene('a lost connection is told, and made again', { prepare: patient }, async ({ page, fake, expected }) => {
  expected.push(/Failed to load resource|net::ERR/)
  const head = page.locator('#connection')
  await shows(head, /Live\s+0 s old/)
  fake.goAway()
  await shows(head, /Connection lost\. .* Trying again/)
  await shows(page.locator('#announcer'), 'Connection lost.')
  await shows(head, /What you see is \d+ s old/)
  // What was known stays to be read.
  await shows(rowOf(page, '10.0.0.1:80'), 'up')
  fake.setState('10.0.0.1:80', 'down', 'status 500')
  fake.comeBack()
  await page.getByRole('button', { name: 'Try now' }).click()
  await shows(head, 'Live')
  await shows(page.locator('#announcer'), 'Connected again.')
  await shows(rowOf(page, '10.0.0.1:80'), 'down')
})

scene('it connects again by itself', { prepare: oneServer }, async ({ page, fake, expected }) => {
  expected.push(/Failed to load resource|net::ERR/)
  await shows(page.locator('#connection'), 'Live')
  fake.goAway()
  await shows(page.locator('#connection'), 'Connection lost')
  fake.comeBack()
  await shows(page.locator('#connection'), 'Live')
  await eventually(() => fake.listeners === 1, 'the stream')
})

scene(
  'a stream that falls silent is given up, and its age is shown before',
  { prepare: silent, preparePage: (page) => page.clock.install() },
  async ({ page, fake }) => {
    await page.clock.runFor(100)
    await shows(page.locator('#connection'), 'Live')
    const streams = () => fake.calls.filter(({ url }) => url === '/events').length
    await page.clock.runFor(6000)
    await shows(page.locator('#connection'), /What you see is [67] s old\./)
    assert.equal(streams(), 1)
    await page.clock.runFor(6000)
    await shows(page.locator('#connection'), 'Nothing comes any more.')
    await page.clock.runFor(7000)
    await eventually(() => streams() === 2, 'another stream')
    await shows(page.locator('#connection'), 'Live')
  },
)

scene(
  'what no event tells is asked for now and then',
  { prepare: oneServer, preparePage: (page) => page.clock.install() },
  async ({ page, fake }) => {
    await page.clock.runFor(100)
    await shows(rowOf(page, '10.0.0.1:80'), 'none')
    fake.servers[0]!.lastCheck = { at: new Date().toISOString(), passed: true, result: 'status 200', duration: 3 }
    await page.clock.runFor(5500)
    await eventually(() => fake.calls.some(({ url }) => url === '/servers'), 'a look at the servers')
    await page.clock.runFor(100)
    await shows(rowOf(page, '10.0.0.1:80'), 'passed: status 200, 3 ms')
  },
)
