import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { afterEach, test } from 'node:test'
import { stripVTControlCharacters } from 'node:util'
import { CommandError, readArguments, UsageError } from '#lib/cli/command.js'
import { managementAddress } from '#lib/cli/management-address.js'
import { runStatus, status } from '#lib/cli/status.js'
import { Terminal } from '#lib/cli/terminal.js'
import { systemClock } from '#lib/clock.js'
import { ManualClock } from '../support/clock.js'
import { folder } from '../support/process.js'
import { type Cleanup, deadPort, httpServer, RawServer } from '../support/upstream.js'
import { eventually, within } from '../support/wire.js'

/** What a management API says in these tests. */
interface Said {
  servers: Record<string, unknown>[]
  detail: Record<string, unknown>[]
  stats: unknown
}

function said(): Said {
  const server = (id: string, pool: string, more: object = {}) => ({
    id,
    url: `http://${id}`,
    pool,
    state: 'up',
    reason: '',
    since: null,
    weight: 1,
    backup: false,
    source: null,
    connections: 0,
    consecutiveFailures: 0,
    offlineUntil: null,
    lastCheck: null,
    links: { self: `/servers/${id.replace(':', '/')}?pool=${pool}` },
    ...more,
  })
  const detail = (
    id: string,
    pool: string,
    success: number,
    failed: number,
    p50: number | null,
    p99: number | null,
  ) => ({
    id,
    ip: id.split(':')[0],
    port: 80,
    pool,
    success,
    failed,
    latency: { p50, p90: p50, p99, mean: p50 },
  })
  return {
    servers: [
      server('10.0.0.1:80', 'app', {
        connections: 3,
        lastCheck: { at: '2024-01-01T00:00:00.000Z', passed: true, result: '200', duration: 4 },
      }),
      server('10.0.0.2:80', 'app', {
        state: 'offline',
        reason: 'it failed 2 requests in a row: connect ECONNREFUSED 10.0.0.2:80',
        backup: true,
      }),
      server('10.0.0.1:80', 'static', {
        lastCheck: { at: '2023-12-31T23:59:50.000Z', passed: false, result: '500', duration: 4 },
      }),
    ],
    detail: [
      detail('10.0.0.1:80', 'app', 100, 0, 4.26, 1234),
      detail('10.0.0.2:80', 'app', 5, 2, null, null),
      detail('10.0.0.1:80', 'static', 7, 0, 55.5, 99.4),
    ],
    stats: { client: { success: 112, failed: 2 }, server: { success: 112, failed: 2 } },
  }
}

type Answer = { status?: number; body: unknown }

/** A management API. `answer` may say something else. */
async function api(
  t: Cleanup,
  says: Said = said(),
  answer: (req: IncomingMessage) => Answer | undefined = () => undefined,
  at?: Parameters<typeof httpServer>[2],
): Promise<{ url: string; asked: string[] }> {
  const asked: string[] = []
  const { url } = await httpServer(
    t,
    (req, res) => {
      asked.push(`${req.method} ${req.url}`)
      const bodies: Record<string, unknown> = {
        '/servers': { servers: says.servers },
        '/stats/detail': says.detail,
        '/stats': says.stats,
      }
      const { status: code = 200, body } = answer(req) ?? { body: bodies[req.url ?? ''] }
      res.writeHead(code, { 'Content-Type': typeof body === 'string' ? 'text/html' : 'application/json' })
      res.end(typeof body === 'string' ? body : JSON.stringify(body))
    },
    at,
  )
  return { url: `http://${url}`, asked }
}

class Output extends Writable {
  text = ''
  isTTY = false
  columns = 160
  rows = 24

  override _write(chunk: Buffer, _: string, done: () => void): void {
    this.text += chunk.toString()
    done()
  }
}

interface Ran {
  readonly out: Output
  readonly clock: ManualClock
  readonly code: Promise<number>
  stop(): void
}

/** Ends what a test that failed has left running. */
const stops: (() => void)[] = []
afterEach(() => {
  for (const stop of stops.splice(0)) stop()
})

function run(args: string[], screen?: Partial<Pick<Output, 'columns' | 'rows'>>): Ran {
  const out = Object.assign(new Output(), screen === undefined ? {} : { isTTY: true, ...screen })
  const clock = new ManualClock()
  let stop = (): void => {}
  const stopped = new Promise<void>((resolve) => {
    stop = resolve
  })
  const terminal = new Terminal(out, new Output(), { NO_COLOR: '1' })
  const code = runStatus(readArguments(status, args), terminal, clock, () => stopped)
  code.catch(() => {})
  stops.push(() => stop())
  return { out, clock, code, stop: () => stop() }
}

const esc = '\x1b'

/** What a terminal shows in the end. */
function shown(text: string): string[] {
  const lines: string[] = ['']
  let row = 0
  let column = 0
  const token = new RegExp(`${esc}\\[(\\d*)([AKJ])|\\r|\\n|[^${esc}\\r\\n]+`, 'g')
  assert.equal(text.replace(token, ''), '')
  for (const [whole, number, command] of text.matchAll(token)) {
    if (whole === '\r') column = 0
    else if (whole === '\n') {
      row++
      column = 0
      lines[row] ??= ''
    } else if (command === 'A') row -= Number(number)
    else if (command === 'K') lines[row] = lines[row]!.slice(0, column)
    else if (command === 'J') {
      lines[row] = lines[row]!.slice(0, column)
      lines.length = row + 1
    } else {
      lines[row] = lines[row]!.slice(0, column).padEnd(column) + whole + lines[row]!.slice(column + whole.length)
      column += whole.length
    }
    assert.ok(row >= 0, 'the cursor left the screen')
  }
  return lines
}

test('prints the table once where nobody looks at a terminal', async (t) => {
  const { url, asked } = await api(t)
  const { out, code, clock } = run(['--url', url])
  assert.equal(await code, 0)
  assert.deepEqual(out.text.split('\n'), [
    `${url}: 112 requests answered, 2 failed`,
    'pool    server                state    reason                                                           connections  requests  failed    p50   p99  last check',
    'app     10.0.0.1:80           up                                                                                  3       100       0  4.3ms  1.2s  200, 0s ago',
    'app     10.0.0.2:80 (backup)  offline  it failed 2 requests in a row: connect ECONNREFUSED 10.0.0.2:80            0         7       2      -     -  -',
    'static  10.0.0.1:80           up                                                                                  0         7       0   56ms  99ms  failed: 500, 10s ago',
    '',
  ])
  assert.deepEqual(asked.sort(), ['GET /servers', 'GET /stats', 'GET /stats/detail'])
  assert.equal(clock.pending, 0)
})

test('--once prints once on a terminal too', async (t) => {
  const { url } = await api(t)
  const { out, code } = run(['--url', url, '--once'], {})
  assert.equal(await code, 0)
  assert.ok(!out.text.includes(esc))
  assert.equal(out.text.split('\n').length, 6)
})

test('--json is what the API says', async (t) => {
  const says = said()
  const { url } = await api(t, says)
  const { out, code } = run(['--url', url, '--json'], {})
  assert.equal(await code, 0)
  assert.deepEqual(JSON.parse(out.text), { servers: says.servers, stats: says.stats, detail: says.detail })
})

test('on a terminal the table is drawn anew each second, in place, with requests a second', async (t) => {
  const says = said()
  const { url, asked } = await api(t, says)
  const { out, code, clock, stop } = run(['--url', url], { columns: 160 })
  await eventually(() => clock.pending === 1 && out.text.length > 0, 'the table')
  assert.match(shown(out.text)[1]!, / requests {2}/)
  Object.assign(says.detail[0]!, { success: 130, failed: 20 })
  Object.assign(says.servers[1]!, { state: 'up', reason: '' })
  clock.advance(999)
  assert.equal(asked.length, 3)
  clock.advance(1)
  await eventually(() => /requests\/s/.test(out.text), 'the second table')
  const second = shown(out.text)
  assert.equal(second.length, 5)
  assert.match(second[2]!, /^app {5}10\.0\.0\.1:80 .* {2}50\.0 +20 /)
  assert.match(second[3]!, /^app {5}10\.0\.0\.2:80 \(backup\) {2}up +0 +0\.0 +2 /)
  // A server leaves: its line goes too. Counts of a proxy that has been restarted are no rate.
  says.servers.pop()
  Object.assign(says.detail[0]!, { success: 1, failed: 0 })
  await eventually(() => clock.pending === 1, 'the wait')
  clock.advance(1000)
  await eventually(() => shown(out.text).length === 4, 'the third table')
  assert.match(shown(out.text)[2]!, /^app {3}10\.0\.0\.1:80 .* {2}- +0 /)
  stop()
  assert.equal(await code, 0)
  assert.equal(clock.pending, 0)
  assert.equal(shown(out.text).at(-1), '')
})

test('a proxy that goes away is told above the table, and found again', async (t) => {
  const says = said()
  let gone = false
  const { url } = await api(t, says, (req) => {
    if (gone) req.socket.destroy()
    return undefined
  })
  const { out, code, clock, stop } = run(['--url', url], {})
  await eventually(() => clock.pending === 1 && out.text.length > 0, 'the table')
  gone = true
  clock.advance(1000)
  await eventually(() => /closed the connection/.test(out.text), 'the problem')
  assert.match(shown(out.text)[1]!, /closed the connection without an answer; it is asked again$/)
  assert.equal(shown(out.text).length, 6)
  gone = false
  await eventually(() => clock.pending === 1, 'the wait')
  clock.advance(1000)
  await eventually(() => shown(out.text).length === 5, 'the table again')
  stop()
  assert.equal(await code, 0)
})

test('lines are cut to the width of the terminal, and rows to its height', async (t) => {
  const says = said()
  for (let i = 0; i < 50; i++)
    says.servers.push({ ...says.servers[0], id: `10.1.0.${i}:80`, url: `http://10.1.0.${i}:80` })
  const { url } = await api(t, says)
  const { out, code, clock, stop } = run(['--url', url], { columns: 50, rows: 10 })
  await eventually(() => clock.pending === 1 && out.text.length > 0, 'the table')
  const lines = shown(out.text)
  assert.ok(lines.length < 10, `${lines.length} lines`)
  assert.ok(lines.every((line) => line.length <= 50))
  assert.match(lines.at(-1)!, /^… \d+ more$/)
  stop()
  await code
})

test('a terminal without a size shows the table all the same', async (t) => {
  const { url } = await api(t)
  const { out, code, clock, stop } = run(['--url', url], { columns: 0, rows: 0 })
  await eventually(() => clock.pending === 1 && out.text.length > 0, 'the table')
  const lines = shown(out.text)
  assert.equal(lines.length, 5)
  assert.match(lines[3]!, /^app {5}10\.0\.0\.2:80 \(backup\) {2}offline {2}it failed 2 requests/)
  assert.ok(lines.every((line) => line.length <= 80))
  stop()
  await code
})

test('states have colours, which do not shift the columns', async (t) => {
  const { url } = await api(t)
  const out = new Output()
  const terminal = new Terminal(out, new Output(), { FORCE_COLOR: '1' })
  await runStatus(readArguments(status, ['--url', url]), terminal, new ManualClock(), async () => {})
  assert.ok(out.text.includes(`${esc}[31moffline`))
  const plain = run(['--url', url])
  await plain.code
  assert.equal(stripVTControlCharacters(out.text), plain.out.text)
})

test('what the API says cannot command the terminal', async (t) => {
  const says = said()
  Object.assign(says.servers[0]!, { reason: '\x1b[2J\nfake' })
  const { url } = await api(t, says)
  const { out, code } = run(['--url', url])
  await code
  assert.ok(!out.text.includes(esc))
  assert.equal(out.text.split('\n').length, 6)
})

test('the token goes with each call, and is asked for when it is missing', async (t) => {
  const { url } = await api(t, said(), ({ headers }) =>
    headers.authorization === 'Bearer s3cret' ? undefined : { status: 401, body: { error: { code: 'unauthorized' } } },
  )
  assert.equal(await run(['--url', url, '--token', 's3cret']).code, 0)
  await assert.rejects(run(['--url', url]).code, failure(`${url} wants a token; give it with --token TOKEN`))
  await assert.rejects(run(['--url', url, '--token', 'x']).code, failure(`${url} does not accept the token`))
})

test('nobody listens', async (t) => {
  const dead = `http://127.0.0.1:${await deadPort()}`
  const socket = `unix:${join(folder(t), 'none.sock')}`
  for (const url of [dead, socket]) {
    const start = `nobody listens at ${url}. Is Pointsman running, with Listen in [MANAGEMENT]?`
    await assert.rejects(run(['--url', url]).code, (error: Error) => {
      assert.ok(error instanceof CommandError && error.message.startsWith(start), error.message)
      return true
    })
  }
})

test('something that is not Pointsman', async (t) => {
  const cases: readonly [Answer, string][] = [
    [{ body: '<h1>Hello</h1>' }, 'it answers GET /servers with 200, text/html'],
    [{ status: 404, body: 'nothing' }, 'it answers GET /servers with 404, text/html'],
    [{ body: { servers: 3 } }, 'it answers GET /servers with 200, application/json'],
    [{ body: null }, 'it answers GET /servers with 200, application/json'],
  ]
  for (const [answer, why] of cases) {
    const { url } = await api(t, said(), (req) => (req.url === '/servers' ? answer : undefined))
    const message = `what listens at ${url} is no management API of Pointsman: ${why}`
    await assert.rejects(run(['--url', url]).code, failure(message))
  }
  const raw = await RawServer.listen(t, (wire) => wire.end('SSH-2.0-OpenSSH_9.6\r\n'))
  await assert.rejects(run(['--url', raw.url]).code, /no management API of Pointsman: it does not speak HTTP/)
})

test('a refusal of the API is passed on', async (t) => {
  const error = { code: 'foreign_host', message: '"x" is no name of this\x1b listener' }
  const { url } = await api(t, said(), () => ({ status: 403, body: { error } }))
  await assert.rejects(
    run(['--url', url]).code,
    failure(`${url} refuses GET /servers: "x" is no name of this\ufffd listener`),
  )
})

test('no answer', async (t) => {
  const silent = await RawServer.listen(t)
  const { clock, code } = run(['--url', silent.url])
  await eventually(() => silent.wires.length === 3 && clock.pending === 3, 'the calls')
  clock.advance(5000)
  await assert.rejects(code, failure(`http://${silent.url} did not answer within 5 s`))
})

test('an answer that does not end in time', async (t) => {
  const slow = await RawServer.listen(t, (wire) => wire.write('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{'))
  const { clock, code } = run(['--url', slow.url])
  await eventually(() => slow.wires.length === 3 && slow.wires.every((wire) => wire.received > 0), 'the calls')
  clock.advance(5000)
  await assert.rejects(code, failure(`http://${slow.url} did not answer within 5 s`))
})

test('a Unix socket, and a path before the API', async (t) => {
  if (process.platform !== 'win32') {
    const socket = join(folder(t), 'p.sock')
    const says = said()
    await api(t, says, undefined, { path: socket })
    const { out, code } = run(['--url', `unix:${socket}`])
    assert.equal(await code, 0)
    assert.match(out.text, /^unix:.*p\.sock: 112 requests answered/)
  }
  const says = said()
  const { url, asked } = await api(t, says, (req) => {
    const bodies: Record<string, unknown> = {
      '/manage/servers': { servers: says.servers },
      '/manage/stats/detail': says.detail,
      '/manage/stats': says.stats,
    }
    return { body: bodies[req.url ?? ''] ?? 'elsewhere' }
  })
  assert.equal(await run(['--url', `${url}/manage/`]).code, 0)
  assert.ok(asked.includes('GET /manage/servers'))
})

function failure(message: string): (error: Error) => boolean {
  return (error) => {
    assert.ok(error instanceof CommandError, String(error))
    assert.equal(error.message, message)
    return true
  }
}

function address(args: string[], configured?: Parameters<typeof managementAddress>[1]) {
  return managementAddress(readArguments(status, args), configured)
}

test('the address: --url in its forms', () => {
  const cases: Readonly<Record<string, string>> = {
    'http://10.0.0.1:8687': 'http://10.0.0.1:8687',
    'HTTPS://Proxy.example.com/manage/': 'https://proxy.example.com/manage',
    '8687': 'http://127.0.0.1:8687',
    'localhost:1': 'http://localhost:1',
    '[::1]:8687': 'http://[::1]:8687',
    'unix:/run/p.sock': 'unix:/run/p.sock',
    'unix:///run/p.sock': 'unix:/run/p.sock',
  }
  for (const [given, url] of Object.entries(cases))
    assert.deepEqual(address(['--url', given]), { url, token: undefined })
  for (const bad of ['ftp://h', 'http://', 'unix:run/p.sock', 'http://h:99999', 'http://me:pw@h', '']) {
    assert.throws(() => address(['--url', bad]), UsageError, bad)
  }
})

test('the address: what a configuration says, and the default', (t) => {
  const file = join(folder(t, { 'p.conf': '' }), 'p.conf')
  const section = { host: '10.0.0.1', port: 99, socketPath: undefined, token: 'secret' }
  const of = (changes: object) => address(['-c', file], () => ({ ...section, ...changes })).url
  assert.deepEqual(address([]), { url: 'http://127.0.0.1:8687', token: undefined })
  assert.deepEqual(
    address(['-c', file], () => section),
    { url: 'http://10.0.0.1:99', token: 'secret' },
  )
  assert.deepEqual(
    address(['-c', file, '--url', '8000', '--token', 'mine'], () => section),
    { url: 'http://127.0.0.1:8000', token: 'mine' },
  )
  assert.equal(address(['-c', file, '--url', '8000'], () => section).token, 'secret')
  assert.equal(of({ host: '' }), 'http://127.0.0.1:99')
  assert.equal(of({ host: '0.0.0.0' }), 'http://127.0.0.1:99')
  assert.equal(of({ host: '::' }), 'http://[::1]:99')
  assert.equal(of({ host: 'fd00::1' }), 'http://[fd00::1]:99')
  assert.equal(of({ host: '', port: 0, socketPath: '/run/p.sock' }), 'unix:/run/p.sock')
  assert.throws(() => of({ port: 0 }), /the port of \[MANAGEMENT\] is 0/)
  assert.throws(() => address(['-c', file], () => undefined), /there is no Listen in \[MANAGEMENT\]/)
  assert.throws(() => address(['-c', `${file}.none`]), /there is no such file/)
})

test('it goes on by itself until it is stopped, and then the process ends', async (t) => {
  const { url, asked } = await api(t)
  const program = `
    import { status } from '#lib/cli/status.js'
    import { readArguments } from '#lib/cli/command.js'
    import { Terminal } from '#lib/cli/terminal.js'
    Object.assign(process.stdout, { isTTY: true, columns: 100, rows: 20 })
    const terminal = new Terminal(process.stdout, process.stderr, { NO_COLOR: '1' })
    process.exitCode = await status.run(readArguments(status, ['--url', '${url}']), terminal)
  `
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const closed = once(child, 'close')
  t.after(() => child.kill('SIGKILL'))
  child.stdout!.resume()
  await eventually(() => asked.length >= 6, 'the second look')
  const start = systemClock.now()
  child.kill('SIGINT')
  assert.deepEqual(await within(closed, 'the end'), [0, null])
  assert.ok(systemClock.now() - start < 2000)
})
