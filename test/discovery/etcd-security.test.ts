import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { RegistryError } from '#lib/discovery/registry.js'
import { certificates } from '../support/certificates.js'
import { Etcd, noEtcd } from '../support/etcd.js'
import { connect, registryAt, soon } from './etcd-rig.js'

const skip = noEtcd

/** One that asks for users: `proxy` may do everything below `p/`. */
async function guarded(t: TestContext): Promise<Etcd> {
  const etcd = await Etcd.start(t)
  await etcd.ctl('user', 'add', 'root:r00t')
  await etcd.ctl('role', 'add', 'root')
  await etcd.ctl('user', 'grant-role', 'root', 'root')
  await etcd.ctl('user', 'add', 'proxy:s3cret@/:%')
  await etcd.ctl('role', 'add', 'pools')
  await etcd.ctl('role', 'grant-permission', 'pools', '--prefix=true', 'readwrite', 'p/')
  await etcd.ctl('user', 'grant-role', 'proxy', 'pools')
  await etcd.ctl('auth', 'enable')
  return etcd
}

const password = 's3cret%40%2F%3A%25'

test('with credentials it does what its role allows', { skip }, async (t) => {
  const etcd = await guarded(t)
  const { registry, values } = await connect(t, `etcd://proxy:${password}@127.0.0.1:${etcd.port}/p`)
  await registry.update('a', () => ({ value: '1', lease: 60 }))
  assert.deepEqual(values(), { a: '1' })
  assert.equal(await registry.renew('a', 60), true)
  assert.ok(!registry.state.url.includes('proxy') && !registry.state.url.includes('s3cret'))
  // Tokens from before are worth nothing now.
  await etcd.ctl('--user', 'root:r00t', 'user', 'add', 'another:one')
  await etcd.ctl('--user', 'root:r00t', 'user', 'delete', 'another')
  await registry.update('a', () => ({ value: '2' }))
  assert.deepEqual(values(), { a: '2' })
  // Those of a user who is made anew are not even known.
  await etcd.ctl('--user', 'root:r00t', 'user', 'delete', 'proxy')
  await etcd.ctl('--user', 'root:r00t', 'user', 'add', 'proxy:s3cret@/:%')
  await etcd.ctl('--user', 'root:r00t', 'user', 'grant-role', 'proxy', 'pools')
  const { since } = registry.state
  await registry.update('a', () => ({ value: '2b' }))
  assert.deepEqual([values(), registry.state.since], [{ a: '2b' }, since])
  // A restart forgets all tokens.
  await etcd.kill()
  await etcd.start()
  await soon(() => !registry.state.connected, 'the loss', 2_000)
  await soon(() => registry.state.connected, 'the way back', 8_000)
  await registry.update('a', () => ({ value: '3' }))
})

test('a wrong password is told once, without it, and not tried all the time', { skip }, async (t) => {
  const etcd = await guarded(t)
  const { registry, log } = await registryAt(t, `etcd://proxy:wr0ng@127.0.0.1:${etcd.port}/p`)
  await registry.start()
  assert.match(registry.state.reason, /authentication failed, invalid user ID or password/)
  assert.equal(log.length, 1)
  assert.ok(!`${log}${JSON.stringify(registry.state)}`.includes('wr0ng'))
  const { reason } = registry.state
  await new Promise((resolve) => setTimeout(resolve, 1_000))
  assert.deepEqual([registry.state.reason, log.length], [reason, 1])
  await assert.rejects(
    registry.update('a', () => ({ value: '1' })),
    RegistryError,
  )
})

test('no user where one is needed, and keys that the user may not read', { skip }, async (t) => {
  const etcd = await guarded(t)
  for (const [url, reason] of [
    [`etcd://127.0.0.1:${etcd.port}/p`, /user name is empty/],
    [`etcd://proxy:${password}@127.0.0.1:${etcd.port}/other`, /permission denied/],
  ] as const) {
    const { registry, log } = await registryAt(t, url)
    await registry.start()
    assert.equal(registry.state.connected, false)
    assert.match(registry.state.reason, reason)
    assert.match(log[0]!, reason)
  }
})

test('credentials where none are asked for do no harm', { skip }, async (t) => {
  const etcd = await Etcd.start(t)
  const { registry } = await connect(t, `etcd://proxy:x@127.0.0.1:${etcd.port}/p`)
  assert.equal(await registry.update('a', () => ({ value: '1' })), true)
})

test('TLS: the registry proves who it is, and asks the same of us', { skip }, async (t) => {
  const { ca, localhost, client } = certificates()
  const directory = mkdtempSync(join(tmpdir(), 'pointsman-etcd-tls-'))
  t.after(() => rmSync(directory, { recursive: true, force: true }))
  const file = (name: string, text: string): string => {
    writeFileSync(join(directory, name), text)
    return join(directory, name)
  }
  const etcd = await Etcd.start(t, {
    tls: { cert: file('cert', localhost.cert), key: file('key', localhost.key), ca: file('ca', ca) },
  })
  const own = { registryCertificate: client.cert, registryKey: client.key }
  for (const host of ['127.0.0.1', 'localhost']) {
    const { registry, values } = await connect(t, `etcds://${host}:${etcd.port}/p`, { registryCA: ca, ...own })
    await registry.update(host, () => ({ value: '1' }))
    assert.equal(values()[host], '1')
  }
  for (const [what, url, files, reason] of [
    ['an authority nobody knows', `etcds://127.0.0.1:${etcd.port}/p`, own, /unable to verify|self.signed|issuer/],
    [
      'no certificate of our own',
      `etcds://127.0.0.1:${etcd.port}/p`,
      { registryCA: ca },
      /certificate|bad_certificate|closed|hang up|ECONNRESET/i,
    ],
    ['no TLS', `etcd://127.0.0.1:${etcd.port}/p`, {}, /./],
  ] as const) {
    const { registry } = await registryAt(t, url, files)
    await registry.start()
    assert.equal(registry.state.connected, false, what)
    assert.match(registry.state.reason, reason, what)
    assert.doesNotMatch(registry.state.reason, /\n|error:/, what)
  }
  await assert.rejects(
    registryAt(t, `etcds://127.0.0.1:${etcd.port}/p`, { ...own, registryKey: localhost.key }),
    (error) => error instanceof RegistryError && /RegistryKey cannot be used: key values mismatch/.test(error.message),
  )
})

test('TLS: the certificate has to be for the host that was named', { skip }, async (t) => {
  const { ca, inner, client } = certificates()
  const directory = mkdtempSync(join(tmpdir(), 'pointsman-etcd-tls-'))
  t.after(() => rmSync(directory, { recursive: true, force: true }))
  const file = (name: string, text: string): string => {
    writeFileSync(join(directory, name), text)
    return join(directory, name)
  }
  const etcd = await Etcd.start(t, {
    tls: { cert: file('cert', inner.cert), key: file('key', inner.key), ca: file('ca', ca) },
  })
  const own = { registryCA: ca, registryCertificate: client.cert, registryKey: client.key }
  for (const host of ['127.0.0.1', 'localhost']) {
    const { registry } = await registryAt(t, `etcds://${host}:${etcd.port}/p`, own)
    await registry.start()
    assert.equal(registry.state.connected, false)
    assert.match(registry.state.reason, /altnames|does not match/)
  }
})
