import assert from 'node:assert/strict'
import { execFile, execFileSync, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { noOpenssl } from '../support/network.js'
import { folder } from '../support/process.js'
import { Wire } from '../support/wire.js'
import { exampleFile, start } from './program.js'

const run = promisify(execFile)
const missing = (program: string): string | false =>
  spawnSync(program, ['--version']).status === 0 ? false : `there is no ${program} on this machine`

const portOf = (url: string): string => new URL(url).port

/** What a program writes, or how it ends. */
const outcome = (program: string, args: readonly string[]): Promise<string> =>
  run(program, args).then(
    ({ stdout }) => stdout,
    ({ code, stderr }) => `exit ${code}: ${stderr}`,
  )

test('tcp-git: git clones from the home that the path names', { skip: missing('git') }, async (t) => {
  const { url, process: program } = await start(t, 'tcp-git.mjs')
  const ended = once(program, 'exit')
  const target = folder(t)
  const clone = (name: string) =>
    outcome('git', ['clone', '-q', `git://127.0.0.1:${portOf(url)}/${name}/project.git`, join(target, name)])
  for (const name of ['ada', 'bob']) {
    assert.equal(await clone(name), '')
    assert.equal(readFileSync(join(target, name, 'README'), 'utf8'), `This is the home of ${name}.\n`)
  }
  assert.match(await clone('eve'), /exit 128: .*remote error: no such home here/s)
  // Its daemons end with it.
  program.kill('SIGTERM')
  await ended
})

test('tcp-tls-by-name: curl reaches the server of the name', { skip: noOpenssl || missing('curl') }, async (t) => {
  const cwd = folder(t)
  const [, args = ''] = /^\/\/ {3}openssl (.*)$/m.exec(readFileSync(exampleFile('tcp-tls-by-name.mjs'), 'utf8')) ?? []
  execFileSync('openssl', args.split(' '), { cwd, stdio: 'ignore' })
  const { url } = await start(t, 'tcp-tls-by-name.mjs', cwd)
  const port = portOf(url)
  const get = (name: string) => {
    const certificate = ['-s', '--max-time', '10', '--cacert', join(cwd, 'cert.pem')]
    return outcome('curl', [...certificate, '--resolve', `${name}:${port}:127.0.0.1`, `https://${name}:${port}/`])
  }
  assert.equal(await get('one.test'), 'This is one.\n')
  assert.equal(await get('two.test'), 'This is two a.\n')
  assert.equal(await get('two.test'), 'This is two b.\n')
  assert.match(await get('three.test'), /^exit 35/)
})

test('tcp-socks: curl goes where it may', { skip: missing('curl') }, async (t) => {
  const { url, written } = await start(t, 'tcp-socks.mjs')
  const get = (host: string) =>
    outcome('curl', ['-s', '--max-time', '10', '--socks4a', `me@127.0.0.1:${portOf(url)}`, `http://${host}/`])
  assert.equal(await get('inside.test'), 'This is the inside.\n')
  assert.match(await get('localhost'), /^exit 97/)
  await written(/me asks for inside\.test:80\nme asks for localhost:80\n/)
})

test('tcp-postgres: each port leads to its servers', async (t) => {
  const { url, written } = await start(t, 'tcp-postgres.mjs')
  const [, readPort] = await written(/-p (\d+) -c 'select/)
  const ask = async (port: string | undefined): Promise<string> => {
    const client = await Wire.connect(Number(port))
    // Version 3.0 of the protocol, and a user.
    client.write(Buffer.from('\0\0\0\x11\0\x03\0\0user\0me\0\0', 'latin1'))
    return /this is ([^\0]*)/.exec(await client.atEnd())?.[1] ?? ''
  }
  assert.equal(await ask(portOf(url)), 'the primary')
  assert.equal(await ask(readPort), 'replica 1')
  assert.equal(await ask(readPort), 'replica 2')
})

test('tcp-postgres: psql shows what the server says', { skip: missing('psql') }, async (t) => {
  const { url } = await start(t, 'tcp-postgres.mjs')
  const psql = await outcome('psql', ['-h', '127.0.0.1', '-p', portOf(url), '-U', 'me', '-c', 'select 1', 'db'])
  assert.match(psql, /FATAL: +this is the primary/)
})
