import assert from 'node:assert/strict'
import { existsSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { Load } from '../support/load.js'
import { found, ManagedCommand } from '../support/managed-command.js'
import { request } from '../support/rig.js'
import { httpServer } from '../support/upstream.js'

const rotations = 10

const lines: Readonly<Record<string, (line: string) => string | undefined>> = {
  combined: (line) =>
    /^127\.0\.0\.1 - - \[\d\d\/[A-Z][a-z]{2}\/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\] "GET \/(\d+) HTTP\/1\.1" 200 6 "-" "load"$/.exec(
      line,
    )?.[1],
  json: (line) => {
    const { status, target, attempts, error } = JSON.parse(line)
    return status === 200 && attempts === 1 && error === null ? target.slice(1) : undefined
  },
}

for (const [format, numberOf] of Object.entries(lines)) {
  test(`the access log in ${format}: over rotations under load each request has its line`, async (t) => {
    const { url } = await httpServer(t, (_, res) => res.end('answer'))
    const conf = `[PROXY_ENTRY all]\nMatch /*\nServerList ${url}\n[LOG]\nAccessLog access.log\nFormat ${format}\n`
    const proxy = await ManagedCommand.start(t, conf)
    const log = join(proxy.folder, 'access.log')
    const load = new Load(t, proxy.port, ['/#'])
    for (let i = 0; i < rotations; i++) {
      await load.more(1000)
      renameSync(log, `${log}.${i}`)
      // Both open it anew; the other one reloads, too.
      if (i % 2 === 0) proxy.command.signal('SIGUSR1')
      else await proxy.hangUp()
      await found(() => (existsSync(log) ? true : undefined), 'the new file')
    }
    await load.more(1000)
    const { answered, sent, results } = await load.stop()
    assert.deepEqual(results, { 200: answered })
    assert.equal(answered, sent)
    proxy.command.signal('SIGTERM')
    assert.deepEqual(await proxy.command.exited, { code: 0, signal: null })
    const files = ['access.log', ...Array.from({ length: rotations }, (_, i) => `access.log.${i}`)]
    const numbers = files.flatMap((file) => {
      const text = proxy.read(file)
      assert.ok(text.endsWith('\n'), `${file} ends in the middle of a line`)
      return text
        .slice(0, -1)
        .split('\n')
        .map((line) => numberOf(line) ?? assert.fail(`${file}: ${line}`))
    })
    assert.equal(numbers.length, answered)
    assert.equal(new Set(numbers).size, answered)
    assert.doesNotMatch(proxy.command.stdout, /access log/)
  })
}

test('a reload changes file and format of the access log, and switches it off and on, without a lost line', async (t) => {
  const { url } = await httpServer(t, (_, res) => res.end('answer'))
  const withLog = (log: string): string => `[PROXY_ENTRY all]\nMatch /*\nServerList ${url}\n[LOG]\n${log}`
  const first = 'AccessLog first.log\n'
  const proxy = await ManagedCommand.start(t, withLog(first))
  const load = new Load(t, proxy.port, ['/#'])
  // The last one is a file that is there already.
  for (const log of ['AccessLog second.log\n', 'AccessLog second.log\nFormat json\n', first]) {
    await load.more(1000)
    proxy.write(withLog(log))
    await proxy.hangUp()
  }
  await load.more(1000)
  const { answered, results } = await load.stop()
  assert.deepEqual(results, { 200: answered })
  proxy.write(withLog(''))
  assert.equal((await proxy.call('POST', '/reload')).status, 200)
  for (let i = 0; i < 10; i++) await request({ port: proxy.port, path: '/unlogged' })
  proxy.command.signal('SIGTERM')
  assert.deepEqual(await proxy.command.exited, { code: 0, signal: null })
  const written = ['first.log', 'second.log'].flatMap((file) => proxy.read(file).slice(0, -1).split('\n'))
  const numbers = written.map(
    (line) => (line.startsWith('{') ? lines.json : lines.combined)!(line) ?? assert.fail(line),
  )
  assert.equal(numbers.length, answered)
  assert.equal(new Set(numbers).size, answered)
  assert.ok(written.some((line) => line.startsWith('{')))
})
