/** Tests in a real browser: Chromium, where it is installed. `CHROMIUM` names it; else it is Debian's. */

import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { after, type TestContext, test } from 'node:test'
import { type Browser, type BrowserContextOptions, chromium, type Locator, type Page } from 'playwright-core'
import { dashboardAssets } from '#lib/management/dashboard/assets.js'
import { FakeManagement } from './fake-management.js'

const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium'
const skip = existsSync(executablePath)
  ? false
  : `there is no Chromium at ${executablePath}; install it, or name it in CHROMIUM`

/** How long a page may take for what must come at once, in milliseconds. */
const patience = 10_000

let browser: Promise<Browser> | undefined

after(async () => (await browser)?.close())

export interface Visit {
  readonly page: Page
  readonly fake: FakeManagement
  /** Messages of the browser that are a part of the scene, such as that of an answer with 401. */
  readonly expected: RegExp[]
}

export interface SceneOptions extends BrowserContextOptions {
  /** Sets the scene before the page is opened. */
  readonly prepare?: (fake: FakeManagement) => void
  /** Before the page is opened too. */
  readonly preparePage?: (page: Page) => Promise<void>
}

/**
 * A test with a management API and a page of its own. At its end the page must have had nothing to complain of: no
 * error, no violation of the content security policy, no request to elsewhere.
 */
export function scene(name: string, options: SceneOptions, play: (visit: Visit) => Promise<void>): void {
  const { prepare, preparePage, ...context } = options
  test(name, { skip, timeout: 90_000 }, async (t) => {
    const fake = await FakeManagement.start(dashboardAssets())
    t.after(() => fake.close())
    prepare?.(fake)
    const expected: RegExp[] = []
    await visit(t, fake.url, { ...context, preparePage }, expected, (page) => play({ page, fake, expected }))
  })
}

/** The same in front of a proxy that runs; `start` returns the URL of its management API. */
export function realScene(
  name: string,
  start: (t: TestContext) => Promise<string>,
  play: (page: Page) => Promise<void>,
): void {
  test(name, { skip, timeout: 90_000 }, async (t) => visit(t, await start(t), {}, [], play))
}

async function visit(
  t: TestContext,
  url: string,
  { preparePage, ...context }: BrowserContextOptions & { preparePage?: SceneOptions['preparePage'] | undefined },
  expected: readonly RegExp[],
  play: (page: Page) => Promise<void>,
): Promise<void> {
  browser ??= chromium.launch({ executablePath })
  const own = await (await browser).newContext({ viewport: { width: 1200, height: 900 }, ...context })
  t.after(() => own.close())
  own.setDefaultTimeout(patience)
  const page = await own.newPage()
  const problems = await watch(page, url)
  await preparePage?.(page)
  await page.goto(`${url}/dashboard`)
  await play(page)
  problems.push(...((await page.evaluate('globalThis.violations')) as string[]))
  assert.deepEqual(
    problems.filter((problem) => !expected.some((pattern) => pattern.test(problem))),
    [],
  )
}

async function watch(page: Page, origin: string): Promise<string[]> {
  const problems: string[] = []
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) problems.push(`console: ${message.text()}`)
  })
  page.on('pageerror', (error) => problems.push(`error: ${error.message}`))
  page.on('request', (request) => {
    if (new URL(request.url()).origin !== origin) problems.push(`request to ${request.url()}`)
  })
  await page.addInitScript(`
    globalThis.violations = []
    addEventListener('securitypolicyviolation', (event) => violations.push('CSP: ' + event.violatedDirective))
  `)
  return problems
}

/** Waits until an expression is true in the page. Not by `waitForFunction`: it needs `unsafe-eval` for an expression. */
export async function holds(page: Page, expression: string): Promise<void> {
  const end = performance.now() + patience
  while (!(await page.evaluate(expression))) {
    if (performance.now() > end) assert.fail(`waited in vain for ${expression}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

/**
 * Waits until the first plot has more than 20 pixels for which an expression of `red`, `green`, `blue` and `alpha` holds.
 * They are read from a copy: Chromium complains of pages that read their own canvas again and again.
 */
export async function draws(page: Page, colour: string): Promise<void> {
  await holds(
    page,
    `(() => {
      const plot = document.querySelector('.plot canvas')
      const copy = new OffscreenCanvas(plot.width, plot.height).getContext('2d', { willReadFrequently: true })
      copy.drawImage(plot, 0, 0)
      const { data } = copy.getImageData(0, 0, plot.width, plot.height)
      let count = 0
      for (let at = 0; at < data.length; at += 4) {
        const [red, green, blue, alpha] = data.subarray(at, at + 4)
        if (${colour}) count++
      }
      return count > 20
    })()`,
  )
}

/** Waits until an element shows a text; fails with what it shows in its place. */
export async function shows(element: Locator, wanted: string | RegExp): Promise<void> {
  const end = performance.now() + patience
  let text: string | undefined
  for (;;) {
    text = (await element.count()) === 1 ? await element.innerText() : `${await element.count()} elements`
    if (typeof wanted === 'string' ? text.includes(wanted) : wanted.test(text)) return
    if (performance.now() > end) break
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  assert.fail(`waited in vain for ${wanted}; there is ${JSON.stringify(text)}`)
}

/** The row of a server. */
export function rowOf(page: Page, id: string): Locator {
  return page.locator('#servers tbody tr').filter({ has: page.getByRole('rowheader', { name: id, exact: true }) })
}
