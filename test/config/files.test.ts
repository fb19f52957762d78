import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { ConfigError } from '#lib/config/diagnostics.js'
import { loadConfig, resolveConfig } from '#lib/config/load.js'
import { sectionSchemas } from '#lib/config/schema.js'
import { namedServers } from '#lib/pool/source.js'

test('the configurations of the plugin that this proxy follows load as they stand', () => {
  const first = resolveConfig(loadConfig('test/fixtures/seed-first-alive.conf')).entries
  assert.deepEqual(
    first.map(({ options }) => [options.loadBalance.name, options.serverList.length, options.match.length]),
    [
      ['First-Alive', 2, 1],
      ['Round-Robin', 3, 5],
    ],
  )
  const plugin = resolveConfig(loadConfig('test/fixtures/seed-plugin.conf'))
  assert.equal(plugin.defaults.statisticsURL, '/proxy-status')
  assert.deepEqual(
    plugin.entries.map(({ options }) => [options.loadBalance.name, namedServers(options.serverList)[0]!.address.port]),
    [
      ['First-Alive', 8080],
      ['Round-Robin', 8082],
    ],
  )
  const [weighted] = resolveConfig(loadConfig('test/fixtures/seed-weighted.conf')).entries
  const ports = namedServers(weighted!.options.serverList).map(({ address }) => address.port)
  assert.deepEqual(
    [80, 81, 82].map((port) => ports.filter((each) => each === port).length),
    [3, 2, 1],
  )
  assert.equal(weighted!.options.match[0]!.matches('/anything'), true)
})

test('the example loads, and serves what it says', () => {
  const { entries, listen, defaults } = resolveConfig(loadConfig('proxy.conf.example'))
  assert.deepEqual(
    entries.map(({ name, options }) => [name, options.loadBalance.name, options.serverList.length]),
    [
      ['dynamic', 'First-Alive', 2],
      ['static', 'Round-Robin', 3],
    ],
  )
  assert.equal(defaults.statisticsURL, '/proxy-status')
  assert.equal(listen[0]!.address[0]!.port, 8080)
})

test('what the example shows in comments loads too', (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'pointsman-'))
  context.after(() => rmSync(folder, { recursive: true }))
  const keys = sectionSchemas.flatMap(({ options }) => [...options.values()].map(({ key }) => key))
  const setting = new RegExp(`^# (?=(?:${keys.join('|')}|Include) |\\[[A-Z_]+(?: \\w+)?\\]$)`)
  const shown = readFileSync('proxy.conf.example', 'utf8')
    .split('\n')
    .map((line) => line.replace(setting, ''))
  assert.ok(shown.join('\n').includes('\nErrorPage 502-504 errors/unavailable.html'))
  writeFileSync(join(folder, 'proxy.conf'), shown.join('\n'))
  assert.throws(
    () => loadConfig(join(folder, 'proxy.conf')),
    (error: ConfigError) => {
      // Only the files that it names are not there.
      assert.ok(error.diagnostics.length > 0)
      for (const { message } of error.diagnostics) assert.match(message, /^cannot read /)
      return true
    },
  )
})

test('everything that a configuration is read from is known', () => {
  const { files } = resolveConfig(loadConfig('test/config/golden/include.conf'))
  const golden = `${process.cwd()}/test/config/golden`
  assert.deepEqual(files.toSorted(), [
    `${golden}/conf.d`,
    `${golden}/conf.d/10-first.conf`,
    `${golden}/conf.d/20-second.conf`,
    `${golden}/conf.d/defaults.inc`,
    `${golden}/conf.d/options.inc`,
    `${golden}/include.conf`,
  ])
})

test('a file that cannot be read', (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'pointsman-'))
  context.after(() => rmSync(folder, { recursive: true }))
  writeFileSync(join(folder, 'latin1.conf'), Buffer.from('# caf\xe9', 'latin1'))
  const message = (path: string): string => {
    try {
      loadConfig(path)
      return ''
    } catch (error) {
      assert.ok(error instanceof ConfigError)
      assert.equal(error.code, 'ERR_CONFIG')
      return error.message.replaceAll(folder, '.')
    }
  }
  assert.equal(message(join(folder, 'none.conf')), './none.conf:1:1: cannot read ./none.conf: there is no such file')
  assert.equal(message(join(folder, 'latin1.conf')), './latin1.conf:1:1: ./latin1.conf is not UTF-8')
  assert.equal(message(folder), '.:1:1: cannot read .: it is a folder')
})

test('the reference page is up to date', () => {
  execFileSync(process.execPath, ['scripts/reference.mjs', '--check'], { stdio: 'pipe' })
})
