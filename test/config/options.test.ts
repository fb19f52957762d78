import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { type EntryConfig, type EntryOptions, resolveConfig } from '#lib/config/load.js'
import { sectionSchemas } from '#lib/config/schema.js'
import { parseListenAddress } from '#lib/listen/options.js'
import { namedServers } from '#lib/pool/source.js'
import { certificates } from '../support/certificates.js'

const noFiles = {
  readFile: (path: string): Buffer => assert.fail(`a default reads ${path}`),
}

test('every option has a key of its own, a name after its key, a line of documentation, and a default that holds', () => {
  for (const { name: section, options } of sectionSchemas) {
    const keys = new Set<string>()
    for (const [name, option] of options) {
      for (const key of [option.key, ...(option.aliases ?? [])]) {
        assert.match(key, /^[A-Z][A-Za-z0-9]*$/)
        assert.ok(!keys.has(key.toLowerCase()), `${section} has ${key} twice`)
        keys.add(key.toLowerCase())
      }
      assert.equal(name.toLowerCase(), option.key.toLowerCase())
      assert.match(option.doc, /^[^\n]{10,}\.$/, `${option.key} has no documentation`)
      assert.notEqual(option.type.describe, '', option.key)
      if (option.default === undefined) {
        assert.ok(option.defaultText, `${option.key} does not say what its default is`)
      } else {
        assert.deepEqual(option.type.accept(option.default), option.default, option.key)
        assert.doesNotThrow(() => option.type.resolve(option.default, noFiles), option.key)
      }
    }
  }
})

test('the defaults of the specification', () => {
  const { options } = resolveConfig({ entries: [{ match: '/*', serverList: 'a' }] }).entries[0]!
  const expected: Partial<EntryOptions> = {
    backupList: [],
    hashKey: { kind: 'source' },
    stickyCookie: undefined,
    highAvailability: true,
    offlineTimeOut: 60_000,
    attemptsCount: 2,
    failOpen: true,
    failStatus: undefined,
    retryOn: { connect: true, reset: true, timeout: false, nonIdempotent: false, statuses: undefined },
    retryLimit: undefined,
    retryBuffer: 65_536,
    connectTimeout: 5_000,
    responseTimeout: 60_000,
    idleTimeout: 60_000,
    tunnelTimeout: 3_600_000,
    keepAliveTimeout: 4_000,
    keepAliveConnections: 256,
    maxConnections: 0,
    queueLength: 1_000,
    queueTimeout: 5_000,
    slowStart: 0,
    maxBodySize: 0,
    preserveHost: true,
    rewriteLocation: false,
    xForwarded: true,
    forwarded: false,
    via: true,
    upstreamVerify: true,
    statisticsURL: undefined,
  }
  for (const [name, value] of Object.entries(expected)) {
    assert.deepEqual(options[name as keyof EntryOptions], value, name)
  }
  assert.equal(options.loadBalance.name, 'Round-Robin')
  const { listen } = resolveConfig({ entries: [{ match: '/*', serverList: 'a' }] })
  assert.deepEqual(listen, [
    {
      address: [{ scheme: 'http', host: '', port: 8080, socketPath: undefined }],
      certificate: undefined,
      certificateKey: undefined,
      http2: true,
      proxyProtocol: false,
      headersTimeout: 60_000,
      requestTimeout: 300_000,
      keepAliveTimeout: 65_000,
      maxConnections: 0,
      maxHeaderSize: 16_384,
      shutdownTimeout: 30_000,
    },
  ])
})

function options(config: EntryConfig): EntryOptions {
  return resolveConfig({ entries: [{ match: '/*', serverList: 'a', ...config }] }).entries[0]!.options
}

test('TrustProxy', () => {
  const { trusts } = options({
    trustProxy: ['10.0.0.0/8', '192.0.2.1', '2001:db8::/32', '::ffff:172.16.0.0/108', '::1'],
  }).trustProxy
  const asked: [string | undefined, boolean][] = [
    ['10.255.0.1', true],
    ['::ffff:10.0.0.1', true],
    ['::FFFF:10.0.0.1', true],
    ['11.0.0.1', false],
    ['::ffff:11.0.0.1', false],
    ['192.0.2.1', true],
    ['::ffff:192.0.2.1', true],
    ['192.0.2.2', false],
    ['2001:db8::5', true],
    ['2001:db9::5', false],
    ['2001:db8::5%eth0', true],
    ['172.31.0.1', true],
    ['::ffff:172.32.0.1', false],
    ['::1', true],
    ['', false],
    [undefined, false],
    ['unknown', false],
  ]
  for (const [address, trusted] of asked) assert.equal(trusts(address), trusted, String(address))
  const unix = options({ trustProxy: 'unix' }).trustProxy
  assert.deepEqual([unix.trusts(undefined), unix.trusts(''), unix.trusts('10.0.0.1')], [true, true, false])
  const everyone = options({ trustProxy: '0.0.0.0/0 ::/0' }).trustProxy
  assert.deepEqual([everyone.trusts('203.0.113.9'), everyone.trusts('2001::1')], [true, true])
})

test('status lists', () => {
  const { failStatus, retryOn } = options({ failStatus: [500, '502-504'], retryOn: 'timeout non-idempotent 429 503' })
  const failed = [200, 499, 500, 501, 502, 503, 504, 505, 1000].filter((status) => failStatus!(status))
  assert.deepEqual(failed, [500, 502, 503, 504])
  assert.deepEqual(
    { ...retryOn, statuses: [429, 500, 503].filter(retryOn.statuses!) },
    {
      connect: false,
      reset: false,
      timeout: true,
      nonIdempotent: true,
      statuses: [429, 503],
    },
  )
})

test('hash keys', () => {
  assert.deepEqual(options({ hashKey: 'URI' }).hashKey, { kind: 'uri' })
  assert.deepEqual(options({ hashKey: 'Header:X-User' }).hashKey, { kind: 'header', name: 'x-user' })
  assert.deepEqual(options({ hashKey: 'cookie:SID' }).hashKey, { kind: 'cookie', name: 'SID' })
  for (const hashKey of ['header', 'header:', 'cookie:a b', 'uri:x', 'body']) assert.throws(() => options({ hashKey }))
})

test('headers, rewriting and error pages', () => {
  const resolved = options({
    setResponseHeader: { 'Set-Cookie': ['a=1', 'b=2'], 'X-One': ' one ' },
    removeRequestHeader: 'X-Secret Cookie',
    rewritePath: '^/old/(.*)$ /new/$1',
    rewriteCookieDomain: '* example.com',
    errorPage: { '502-503': 'package.json', 404: 'proxy.conf.example' },
  })
  assert.deepEqual(resolved.setResponseHeader, [
    { name: 'Set-Cookie', value: 'a=1' },
    { name: 'Set-Cookie', value: 'b=2' },
    { name: 'X-One', value: 'one' },
  ])
  assert.deepEqual(resolved.removeRequestHeader, ['x-secret', 'cookie'])
  const [rule] = resolved.rewritePath
  assert.equal('/OLD/x'.replace(rule!.from, rule!.to), '/new/x')
  assert.deepEqual(resolved.rewriteCookieDomain, { from: '*', to: 'example.com' })
  assert.deepEqual([...resolved.errorPage.keys()].sort(), [404, 502, 503])
  assert.equal(resolved.errorPage.get(502)!.contentType, 'application/json')
  assert.equal(resolved.errorPage.get(404)!.contentType, 'text/html; charset=utf-8')
  assert.match(String(resolved.errorPage.get(503)!.body), /"name": "pointsman"/)
})

test('the same server listed several times stays listed', () => {
  const { serverList } = options({ serverList: 'a:80 b:80 a:80*2' })
  assert.deepEqual(
    namedServers(serverList).map(({ address, weight }) => [address.id, weight]),
    [
      ['http://a:80', 1],
      ['http://b:80', 1],
      ['http://a:80', 2],
    ],
  )
})

test('certificates and keys are read; text in PEM stands for itself', (t) => {
  const { client } = certificates()
  const folder = mkdtempSync(join(tmpdir(), 'keys-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const key = join(folder, 'key.pem')
  writeFileSync(key, client.key)
  const config = { entries: [{ match: '/*', serverList: 'a', upstreamKey: key, upstreamCertificate: client.cert }] }
  const { entries, files } = resolveConfig(config)
  assert.equal(entries[0]!.options.upstreamKey, client.key)
  assert.equal(entries[0]!.options.upstreamCertificate, client.cert)
  assert.deepEqual(files, [key])
})

test('a certificate and a key that cannot be used together, and authorities that are none, do not load', () => {
  const { client, inner } = certificates()
  const entry = { match: '/*', serverList: 'https://a' }
  const wrong = [
    { upstreamCertificate: client.cert, upstreamKey: inner.key },
    { upstreamCA: '-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n' },
  ]
  for (const options of wrong) {
    assert.throws(() => resolveConfig({ entries: [{ ...entry, ...options }] }), /cannot be used/)
  }
})

test('addresses to listen at', () => {
  const at = (text: string): unknown[] => {
    const { scheme, host, port, socketPath } = parseListenAddress(text)
    return [scheme, host, port, socketPath]
  }
  assert.deepEqual(at('8080'), ['http', '', 8080, undefined])
  assert.deepEqual(at(':0'), ['http', '', 0, undefined])
  assert.deepEqual(at('*:80'), ['http', '', 80, undefined])
  assert.deepEqual(at('127.0.0.1:8080'), ['http', '127.0.0.1', 8080, undefined])
  assert.deepEqual(at('[::1]:8080'), ['http', '::1', 8080, undefined])
  assert.deepEqual(at('https://:8443'), ['https', '', 8443, undefined])
  assert.deepEqual(at('https://example.com'), ['https', 'example.com', 443, undefined])
  assert.deepEqual(at('unix:/run/p.sock'), ['http', '', 0, '/run/p.sock'])
  for (const text of ['', 'localhost', '127.0.0.1:70000', 'ftp://:1', 'unix:p.sock', '8080/x', 'a@b:1', '::1:80']) {
    assert.throws(() => parseListenAddress(text), Error, text)
  }
})
