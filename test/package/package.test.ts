/** The package as npm would publish it: what is in it, and that it works where it is installed. */

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, sep } from 'node:path'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { publint } from 'publint'
import { formatMessage } from 'publint/utils'

// Compiled tests stand in dist-test/package/.
const root = fileURLToPath(new URL('../../', import.meta.url))
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
let folder = ''
let tarball = ''
/** Where the package is installed, and the application that uses it. */
let app = ''
let installed = ''

/** Runs a command to its end, and gives what it wrote. */
function run(command: string, args: readonly string[], cwd = app): string {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    cwd,
    encoding: 'utf8',
    shell: process.platform === 'win32' && command === 'npm',
  })
  if (error !== undefined) throw error
  assert.equal(status, 0, `${command} ${args.join(' ')}\n${stdout}\n${stderr}`)
  return stdout
}

/** Names of all files below a folder, with slashes. */
function filesOf(path: string): string[] {
  return readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) =>
      join(entry.parentPath, entry.name)
        .slice(path.length + 1)
        .replaceAll(sep, '/'),
    )
    .sort()
}

before(() => {
  folder = mkdtempSync(join(tmpdir(), 'pointsman-package-'))
  const packed = run('npm', ['pack', '--ignore-scripts', '--json', '--pack-destination', folder], root)
  assert.match(packed, /"filename"/)
  tarball = join(folder, `${manifest.name}-${manifest.version}.tgz`)
  app = join(folder, 'app')
  mkdirSync(app)
  writeFileSync(join(app, 'package.json'), '{ "private": true }')
  const quiet = ['--prefer-offline', '--no-audit', '--no-fund', '--ignore-scripts', '--omit=dev']
  run('npm', ['install', '--prefix', app, ...quiet, tarball])
  installed = join(app, 'node_modules', manifest.name)
})

after(() => rmSync(folder, { recursive: true, force: true }))

test('it holds what users need, and nothing else', () => {
  const files = filesOf(installed)
  for (const name of ['package.json', 'README.md', 'proxy.conf.example', 'LICENSE', 'CHANGELOG.md']) {
    if (existsSync(join(root, name))) assert.ok(files.includes(name), `${name} is missing`)
  }
  const expected = /^(?:dist\/.+\.(?:js|d\.ts|js\.map|html|css|svg)|docs\/.+\.(?:md|svg|png)|[^/]+)$/
  assert.deepEqual(
    files.filter((name) => !expected.test(name) || /\btest\b|\.tsbuildinfo$|\.tgz$/.test(name)),
    [],
  )
  // Twice the modules, and the pages.
  assert.ok(files.length < 1500)
})

test('every compiled module has its types, and a source that is still there', () => {
  const compiled = filesOf(join(installed, 'dist')).filter((name) => name.endsWith('.js'))
  assert.ok(compiled.length > 0)
  for (const name of compiled) {
    // What a browser runs is shipped as it was written.
    if (existsSync(join(root, 'lib', name))) continue
    assert.ok(existsSync(join(installed, 'dist', name.replace(/\.js$/, '.d.ts'))), `${name} has no types`)
    assert.ok(existsSync(join(root, 'lib', name.replace(/\.js$/, '.ts'))), `${name} is left from an older build`)
  }
})

test('source maps lead to sources that are in the package', () => {
  const broken = filesOf(installed)
    .filter((name) => name.endsWith('.map'))
    .filter((name) => {
      const { sources, sourcesContent } = JSON.parse(readFileSync(join(installed, name), 'utf8'))
      return sources.some(
        (source: string, index: number) =>
          typeof sourcesContent?.[index] !== 'string' && !existsSync(join(installed, dirname(name), source)),
      )
    })
  assert.equal(broken.length, 0, `${broken.length} maps lead outside, as ${broken[0]} does`)
})

test('the files of the dashboard are there, and can be served', () => {
  const names = filesOf(join(root, 'lib/management/dashboard')).filter((name) => /\.(?:html|css|js|svg)$/.test(name))
  assert.ok(names.includes('index.html') && names.includes('app.js'))
  const files = filesOf(join(installed, 'dist/management/dashboard'))
  assert.deepEqual(
    names.filter((name) => !files.includes(name)),
    [],
  )
  const source = `
    import { dashboardAssets } from './node_modules/${manifest.name}/dist/management/dashboard/assets.js'
    for (const path of ['/dashboard', '/dashboard/app.js', '/dashboard/uplot.js']) {
      console.log(path, dashboardAssets()(path).body.length > 1000)
    }
  `
  writeFileSync(join(app, 'dashboard.mjs'), source)
  assert.equal(
    run(process.execPath, ['dashboard.mjs']),
    '/dashboard true\n/dashboard/app.js true\n/dashboard/uplot.js true\n',
  )
})

test('everything that package.json names is there', () => {
  const { exports, bin, main, types } = manifest
  const named = [main, types, ...Object.values(bin)]
  for (const target of Object.values(exports)) {
    named.push(...(typeof target === 'string' ? [target] : Object.values(target as Record<string, string>)))
  }
  assert.deepEqual(
    named.filter((name) => !existsSync(join(installed, name))),
    [],
  )
})

test('its dependencies are those that it declares', () => {
  const declared = new Set(Object.keys(manifest.dependencies))
  const used = new Set<string>()
  for (const name of filesOf(join(installed, 'dist')).filter((each) => each.endsWith('.js'))) {
    const code = readFileSync(join(installed, 'dist', name), 'utf8')
    for (const [, specifier = ''] of code.matchAll(
      /^(?:(?:import|export)\b[^'"();=]*?\bfrom |.*\brequire(?:\.resolve)?\()'([^'.#][^']*)'/gm,
    )) {
      if (!specifier.startsWith('node:')) used.add(specifier.split('/')[0] as string)
    }
  }
  assert.deepEqual([...used].sort(), [...declared].sort())
})

const program = `
import http from 'node:http'
import { once } from 'node:events'
import { createProxy, parseConfig, ConfigError } from 'pointsman'
import { fastifyProxy } from 'pointsman/fastify'
import { koaProxy } from 'pointsman/koa'
const upstream = http.createServer((req, res) => res.end('through ' + req.url)).listen(0, '127.0.0.1')
await once(upstream, 'listening')
const config = parseConfig('[PROXY_ENTRY]\\nMatch /*\\nServerList 127.0.0.1:' + upstream.address().port)
const server = http.createServer(createProxy(config)).listen(0, '127.0.0.1')
await once(server, 'listening')
console.log(await (await fetch('http://127.0.0.1:' + server.address().port + '/it')).text())
console.log(typeof fastifyProxy, typeof koaProxy, new ConfigError([]) instanceof Error)
process.exit()
`

test('import', () => {
  writeFileSync(join(app, 'program.mjs'), program)
  assert.equal(run(process.execPath, ['program.mjs']), 'through /it\nfunction function true\n')
})

test('require', () => {
  const source = `
    const { createProxy, registerBalancer } = require('pointsman')
    const { fastifyProxy } = require('pointsman/fastify')
    const { koaProxy } = require('pointsman/koa')
    const { version } = require('pointsman/package.json')
    registerBalancer('Mine', () => ({ pick: ([first]) => first }))
    const proxy = createProxy({ entries: [{ match: '/*', serverList: '127.0.0.1:1', loadBalance: 'mine' }] })
    console.log(typeof proxy, typeof fastifyProxy, typeof koaProxy, version)
  `
  writeFileSync(join(app, 'program.cjs'), source)
  assert.equal(run(process.execPath, ['program.cjs']), `function function function ${manifest.version}\n`)
})

test('the types resolve, for modules and CommonJS alike, and need only those of Node', () => {
  const nodeTypes = join(app, 'node_modules', '@types', 'node')
  mkdirSync(dirname(nodeTypes), { recursive: true })
  symlinkSync(join(root, 'node_modules', '@types', 'node'), nodeTypes, 'junction')
  const source = `
import { createServer } from 'node:http'
import { type Balancer, type Config, ConfigError, createProxy, type Proxy, ProxyError, registerBalancer } from 'pointsman'
import fastifyPlugin, { fastifyProxy } from 'pointsman/fastify'
import koaMiddleware, { koaProxy } from 'pointsman/koa'
const config: Config = { entries: [{ match: '/*', serverList: ['127.0.0.1:1'], offlineTimeOut: '10s' }] }
const proxy: Proxy = createProxy(config, { logger: console })
proxy.on('serverStateChange', ({ server, to }) => console.log(server.toUpperCase(), to))
proxy.on('error', (error: ProxyError) => console.log(error.code, error.status))
proxy.attach(createServer(proxy))
registerBalancer('First', (): Balancer => ({ pick: ([first]) => first }))
koaProxy(proxy)
export const all: unknown[] = [ConfigError, fastifyPlugin, fastifyProxy, koaMiddleware]
// @ts-expect-error: an option that does not exist
createProxy({ entries: [{ match: '/*', serverLst: [] }] })
`
  writeFileSync(join(app, 'types.mts'), source)
  writeFileSync(join(app, 'types.cts'), source)
  const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc')
  const options = '--noEmit --strict --exactOptionalPropertyTypes --target es2023 --module nodenext --types node'
  run(process.execPath, [compiler, ...options.split(' '), 'types.mts', 'types.cts'])
})

test('the command runs', () => {
  const command = join(app, 'node_modules', '.bin', process.platform === 'win32' ? 'pointsman.cmd' : 'pointsman')
  assert.match(run(command, ['--version']), new RegExp(`\\b${manifest.version.replaceAll('.', '\\.')}\\b`))
})

test('publint has nothing to say', async () => {
  const bytes = readFileSync(tarball)
  const buffer = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength)
  const { messages, pkg } = await publint({ pack: { tarball: buffer as ArrayBuffer }, strict: true })
  assert.deepEqual(
    messages.map((message) => formatMessage(message, pkg as Record<string, unknown>)),
    [],
  )
})

test('attw finds the types where each resolution looks for them', () => {
  const attw = join(root, 'node_modules', '@arethetypeswrong', 'cli', 'dist', 'index.js')
  // The package is ESM alone, and every Node that it supports can require() it: CommonJS resolves to ESM on purpose.
  const ignored = ['--ignore-rules', 'cjs-resolves-to-esm']
  run(process.execPath, [attw, tarball, '--profile', 'node16', ...ignored, '--no-color'])
})
