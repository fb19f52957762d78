import assert from 'node:assert/strict'
import { test } from 'node:test'
import { withoutSecrets } from '#lib/config/format.js'
import { messageOf } from '#lib/config/section.js'
import {
  type RegistryConfig,
  type RegistryOptions,
  registryContradictions,
  registryTable,
} from '#lib/discovery/options.js'
import { formatRegistryAddress, parseRegistryAddress, withoutPassword } from '#lib/discovery/registry-url.js'

test('hosts, prefix and credentials', () => {
  assert.deepEqual(parseRegistryAddress('etcd://10.0.0.1/pools'), {
    secure: false,
    endpoints: [{ host: '10.0.0.1', port: 2379 }],
    prefix: 'pools',
    user: undefined,
    password: undefined,
  })
  const full = parseRegistryAddress('ETCDS://a%40b:p%3A%2F%40w:d@E1.example:1,[::1],e2:3//site/pools/')
  assert.deepEqual(full, {
    secure: true,
    endpoints: [
      { host: 'e1.example', port: 1 },
      { host: '::1', port: 2379 },
      { host: 'e2', port: 3 },
    ],
    prefix: 'site/pools',
    user: 'a@b',
    password: 'p:/@w:d',
  })
  assert.equal(formatRegistryAddress(full), 'etcds://e1.example:1,[::1]:2379,e2:3/site/pools')
})

test('what is wrong is said, and never with the password', () => {
  const wrong: readonly [string, RegExp][] = [
    ['10.0.0.1:2379/p', /a registry is written as in etcd:/],
    ['http://10.0.0.1:2379/p', /a registry is written as in etcd:/],
    ['etcd://10.0.0.1:2379', /the prefix of the keys is missing/],
    ['etcd://10.0.0.1:2379//', /the prefix of the keys is missing/],
    ['etcd:///p', /the host is missing/],
    ['etcd://a,/p', /the host is missing/],
    ['etcd://h:0/p', /bad port "0"/],
    ['etcd://h/p?x', /nothing stands behind the prefix/],
    ['etcd://user@h/p', /a user has a password/],
    ['etcd://:hidden@h/p', /a user has a password/],
    ['etcd://user:hidden%@h/p', /a "%" is written as %25/],
    ['etcd://user:hidden/@hidden@h:x/p', /bad port "x"/],
    ['etcds//user:hidden@h/p', /a registry is written as in etcd:/],
  ]
  for (const [text, message] of wrong) {
    assert.throws(
      () => parseRegistryAddress(text),
      (error) => {
        assert.match(messageOf(error), message, text)
        assert.doesNotMatch(messageOf(error), /hidden/)
        return true
      },
    )
  }
  assert.equal(withoutPassword('etcd://u:a@b:c@h/p'), 'etcd://u:***@h/p')
})

test('the configuration that is shown names neither user nor password, nor a key', () => {
  const key = '-----BEGIN PRIVATE KEY-----\nx\n-----END PRIVATE KEY-----'
  const config = { cluster: { registry: 'etcds://proxy:hidden@h:2379/p', registryKey: key, registryCA: '/ca.pem' } }
  assert.deepEqual(withoutSecrets(config as object).cluster, { registry: 'etcds://h:2379/p', registryCA: '/ca.pem' })
  assert.equal(config.cluster.registryKey, key)
})

test('the keys of [CLUSTER]', () => {
  const { registry } = registryTable
  const type = registry.type
  assert.equal(type.accept(false), false)
  assert.equal(type.accept('Off'), false)
  assert.equal(type.accept('etcd://h/p'), 'etcd://h/p')
  assert.throws(
    () => type.accept('etcd://u:hidden@h'),
    (error) => !messageOf(error).includes('hidden'),
  )
  const address = parseRegistryAddress('etcds://h/p')
  const options: RegistryOptions = {
    registry: address,
    registryCA: undefined,
    registryCertificate: undefined,
    registryKey: undefined,
  }
  const blamed = (changes: Partial<RegistryOptions>): (keyof RegistryConfig | string)[] =>
    registryContradictions({ ...options, ...changes }).map(({ option }) => option)
  assert.deepEqual(blamed({}), [])
  assert.deepEqual(blamed({ registryCA: 'x', registryCertificate: 'x', registryKey: 'x' }), [])
  assert.deepEqual(blamed({ registryCertificate: 'x' }), ['registryCertificate'])
  assert.deepEqual(blamed({ registryKey: 'x' }), ['registryKey'])
  assert.deepEqual(blamed({ registry: { ...address, secure: false }, registryCA: 'x' }), ['registryCA'])
  assert.deepEqual(blamed({ registry: undefined, registryCertificate: 'x', registryKey: 'x' }), ['registryCertificate'])
})
