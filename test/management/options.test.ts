import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatManagementAddress, managementContradictions, parseManagementAddress } from '#lib/management/options.js'
import { optionsOf } from './support.js'

test('the defaults: no API', () => {
  assert.deepEqual(optionsOf({}), { listen: undefined, token: undefined, dashboard: true })
  assert.equal(optionsOf({ listen: false }).listen, undefined)
  assert.equal(optionsOf({ listen: 'off' }).listen, undefined)
})

test('addresses', () => {
  const at = (text: string): unknown[] => {
    const { host, port, socketPath } = parseManagementAddress(text)
    return [host, port, socketPath]
  }
  assert.deepEqual(at('8687'), ['127.0.0.1', 8687, undefined])
  assert.deepEqual(at('127.0.0.1:8687'), ['127.0.0.1', 8687, undefined])
  assert.deepEqual(at('http://127.0.0.1:0'), ['127.0.0.1', 0, undefined])
  assert.deepEqual(at('[::1]:8687'), ['::1', 8687, undefined])
  assert.deepEqual(at('LOCALHOST:8687'), ['localhost', 8687, undefined])
  assert.deepEqual(at('*:8687'), ['', 8687, undefined])
  assert.deepEqual(at(':8687'), ['', 8687, undefined])
  assert.deepEqual(at('unix:/run/p.sock'), ['', 0, '/run/p.sock'])
  assert.deepEqual(at('unix:///run/p.sock'), ['', 0, '/run/p.sock'])
  assert.deepEqual(optionsOf({ listen: 8687 }).listen, { host: '127.0.0.1', port: 8687, socketPath: undefined })
})

test('what is no address', () => {
  const cases: [text: string, message: RegExp][] = [
    ['localhost', /the port is missing/],
    ['127.0.0.1:70000', /bad port "70000"/],
    ['::1:8687', /an IPv6 address stands in brackets/],
    ['unix:p.sock', /the path of a socket is absolute/],
    ['https://127.0.0.1:8687', /speaks no TLS/],
    ['127.0.0.1:8687/x', /consists of a host and a port/],
    ['user@127.0.0.1:8687', /consists of a host and a port/],
    ['ftp://127.0.0.1:1', /consists of a host and a port/],
  ]
  for (const [text, message] of cases) assert.throws(() => parseManagementAddress(text), message, text)
  assert.throws(() => optionsOf({ listen: {} as never }), /expected an address, not an object/)
})

test('addresses as URLs', () => {
  const url = (text: string, bound?: number): string => formatManagementAddress(parseManagementAddress(text), bound)
  assert.equal(url('8687'), 'http://127.0.0.1:8687')
  assert.equal(url('[::1]:0', 4711), 'http://[::1]:4711')
  assert.equal(url('*:8687'), 'http://localhost:8687')
  assert.equal(url('unix:/run/p.sock'), 'unix:/run/p.sock')
})

test('an address that other machines can reach needs a token', () => {
  const problems = (listen: string, token?: string): readonly { option: string; message: string }[] =>
    managementContradictions(optionsOf({ listen, ...(token === undefined ? {} : { token }) }))
  for (const listen of ['8687', '127.0.0.1:1', '127.9.9.9:1', '[::1]:1', 'localhost:1', 'unix:/run/p.sock', 'off']) {
    assert.deepEqual(problems(listen), [], listen)
  }
  for (const listen of [
    '*:8687',
    '0.0.0.0:8687',
    '[::]:8687',
    '10.0.0.1:8687',
    'admin.example:8687',
    '[::ffff:127.0.0.1]:1',
  ]) {
    const [problem, ...others] = problems(listen)
    assert.equal(others.length, 0)
    assert.equal(problem?.option, 'listen')
    assert.match(
      problem?.message ?? '',
      /^Listen on .*: other machines could connect; set Token, or listen on 127\.0\.0\.1:\d+$/,
    )
    assert.deepEqual(problems(listen, 'secret'), [], listen)
  }
})

test('a token has to fit behind Bearer, and stays out of messages', () => {
  for (const token of ['a', 'A-z0.9_~+/=', '0123456789abcdef']) assert.equal(optionsOf({ token }).token, token)
  for (const token of ['two words', 'späße', 'a=b', 'new\nline']) {
    assert.throws(
      () => optionsOf({ token }),
      (error: Error) => /a token consists of/.test(error.message) && !error.message.includes(token),
    )
  }
})
