import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  parseWorkersAddress,
  type WorkersConfig,
  type WorkersOptions,
  workersContradictions,
  workersTable,
} from '#lib/workers/options.js'

const key = '-----BEGIN PRIVATE KEY-----'
const cert = '-----BEGIN CERTIFICATE-----'

/** The options of a `[WORKERS]`, read as a configuration object is. */
function optionsOf(config: WorkersConfig): WorkersOptions {
  const context = {
    readFile: (): never => {
      throw new Error('no file is expected')
    },
  }
  const values = Object.entries(workersTable).map(([name, { type }]) => {
    const given = config[name as keyof WorkersConfig]
    return [name, given === undefined ? undefined : type.resolve(type.accept(given), context)]
  })
  return Object.fromEntries(values) as WorkersOptions
}

test('the defaults: workers dial nowhere', () => {
  const off = { listen: undefined, token: undefined, certificate: undefined, certificateKey: undefined }
  assert.deepEqual(optionsOf({}), off)
  assert.deepEqual(optionsOf({ listen: false, token: 'none' }), off)
  assert.deepEqual(workersContradictions(optionsOf({})), [])
})

test('addresses are those of the management API', () => {
  assert.deepEqual(optionsOf({ listen: 8000 }).listen, { host: '127.0.0.1', port: 8000, socketPath: undefined })
  assert.deepEqual(parseWorkersAddress('*:8000'), { host: '', port: 8000, socketPath: undefined })
  assert.deepEqual(parseWorkersAddress('[::1]:8000'), { host: '::1', port: 8000, socketPath: undefined })
  assert.deepEqual(parseWorkersAddress('unix:/run/w.sock'), { host: '', port: 0, socketPath: '/run/w.sock' })
  assert.throws(() => parseWorkersAddress('https://127.0.0.1:8000'), /without "https:"; Certificate/)
  assert.throws(() => parseWorkersAddress('127.0.0.1:8000/x'), /as in 127\.0\.0\.1:8000/)
  assert.throws(() => optionsOf({ listen: {} as never }), /expected an address, not an object/)
})

test('a token is one that a field can carry', () => {
  assert.equal(optionsOf({ token: 'abc.-_~+/=' }).token, 'abc.-_~+/=')
  assert.throws(() => optionsOf({ token: 'two words' }), /a token consists of/)
})

test('an address that other machines can reach needs a token', () => {
  const [problem, ...others] = workersContradictions(optionsOf({ listen: '*:8000' }))
  assert.deepEqual([problem?.option, others], ['listen', []])
  assert.match(problem?.message ?? '', /other machines could connect; set Token, or listen on 127\.0\.0\.1:8000/)
  assert.deepEqual(workersContradictions(optionsOf({ listen: '*:8000', token: 'secret' })), [])
  assert.deepEqual(workersContradictions(optionsOf({ listen: '8000' })), [])
})

test('a certificate and its key go together', () => {
  const blamed = (config: WorkersConfig): string[] =>
    workersContradictions(optionsOf({ listen: 8000, ...config })).map(({ option }) => option)
  assert.deepEqual(blamed({ certificate: cert }), ['certificate'])
  assert.deepEqual(blamed({ certificateKey: key }), ['certificateKey'])
  assert.deepEqual(blamed({ certificate: cert, certificateKey: key }), [])
})
