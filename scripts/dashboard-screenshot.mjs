// Takes docs/dashboard.png: the dashboard, with five lively minutes behind it. Needs Chromium (CHROMIUM names it), and:
//   npm run build && npx tsc -p test/tsconfig.json && node scripts/dashboard-screenshot.mjs
import { statSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { chromium } from 'playwright-core'
import { dashboardAssets } from '../dist/management/dashboard/assets.js'
import { FakeManagement, fakeServer } from '../dist-test/support/fake-management.js'

const file = fileURLToPath(new URL('../docs/dashboard.png', import.meta.url))
const now = new Date(2026, 4, 12, 14, 30).getTime()
const seconds = 310
const ago = (ms) => new Date(now - ms).toISOString()

// The same picture every time.
let seed = 7
const random = () => {
  seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31
  return seed / 2 ** 31
}

const fake = await FakeManagement.start(dashboardAssets())
const check = (ms, duration) => ({ at: ago(ms), passed: true, result: 'status 200', duration })
fake.balancers = { api: 'Peak-EWMA', static: 'Round-Robin', search: 'Least-Connections' }
fake.servers = [
  fakeServer('10.0.0.11:3000', 'api', { weight: 2, lastCheck: check(1200, 2.1) }),
  fakeServer('10.0.0.12:3000', 'api', { weight: 2, lastCheck: check(2100, 1.8) }),
  fakeServer('10.0.0.13:3000', 'api', { lastCheck: check(3300, 2.6) }),
  fakeServer('10.0.1.50:3000', 'api', { backup: true, lastCheck: check(900, 3) }),
  fakeServer('10.0.2.21:80', 'static'),
  fakeServer('unix:/run/assets.sock', 'static'),
  fakeServer('10.0.3.31:9200', 'search', { weight: 3 }),
  fakeServer('10.0.3.32:9200', 'search'),
]
fake.processes = [4321, 4322].map((pid) => ({
  pid,
  started: ago(5 * 3_600_000),
  memory: 92 * 2 ** 20 + pid * 999,
  cpu: 0,
}))

const browser = await chromium.launch(
  process.env.CHROMIUM ? { executablePath: process.env.CHROMIUM } : { executablePath: '/usr/bin/chromium' },
)
const page = await browser.newPage({ viewport: { width: 1200, height: 800 }, colorScheme: 'light' })
await page.goto(`${fake.url}/dashboard`)
await page.locator('#servers tbody tr').first().waitFor()

for (let second = 0; second < seconds; second++) {
  const at = now - (seconds - second) * 1000
  if (second === 120) fake.setState('10.0.0.13:3000', 'offline', 'connect ECONNREFUSED', at)
  if (second === 185) fake.setState('10.0.0.13:3000', 'up', 'its trial succeeded', at)
  if (second === 240) fake.setState('10.0.3.32:9200', 'draining', 'set by hand', at)
  if (second === 285) {
    Object.assign(fake.servers[4], { offlineUntil: new Date(at + 60_000).toISOString() })
    fake.setState('10.0.2.21:80', 'offline', 'no answer within 5 s', at)
  }
  tick(at, (second > 112 && second < 121) || second > 278)
}
await page.waitForFunction('document.querySelector("#plots .plot").ariaLabel?.includes("highest")')
await page.waitForTimeout(700)
await page.screenshot({ path: file, fullPage: true })
await browser.close()
await fake.close()
console.log(`${file}: ${Math.round(statSync(file).size / 1024)} KiB`)

/** One second of traffic: three pools with their own pace, and some trouble. */
function tick(at, trouble) {
  const pace = 1 + 0.25 * Math.sin(at / 47_000) + 0.1 * Math.sin(at / 9000)
  const rates = (requests, fast, errors) => {
    const p50 = fast * (0.9 + 0.2 * random())
    return {
      requests: requests * pace * (0.93 + 0.14 * random()),
      errors,
      latency: { p50, p90: p50 * 2.6, p99: p50 * (5 + 2 * random()) },
    }
  }
  const errors = trouble ? 3 + 6 * random() : random() < 0.08 ? 1 : 0
  const of = { api: rates(820, trouble ? 6 : 4, errors), static: rates(1400, 0.8, 0), search: rates(95, 22, 0) }
  const servers = fake.servers.filter(({ state, backup }) => state === 'up' && !backup)
  for (const server of servers) {
    const share = of[server.pool].requests / servers.filter(({ pool }) => pool === server.pool).length
    of[`${server.pool}/${server.id}`] = { requests: share }
    server.connections = Math.round((share * of[server.pool].latency.p50) / 1000 + 2 * random())
  }
  for (const server of fake.servers)
    if (!servers.includes(server)) server.connections = server.state === 'draining' ? 2 : 0
  fake.processes = fake.processes.map((each) => ({ ...each, cpu: each.cpu + 0.16 + 0.05 * random() }))
  const requests = of.api.requests + of.static.requests + of.search.requests
  const latency = {
    p50: of.static.latency.p90,
    p90: of.api.latency.p90,
    p99: of.search.latency.p90 * (0.9 + 0.3 * random()),
  }
  const active = fake.servers.reduce((sum, { connections }) => sum + connections, 0)
  fake.tick({ at, active, requests, errors, latency, of })
}
