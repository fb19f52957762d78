import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import fc from 'fast-check'
import { lineFormat } from '#lib/log/format.js'
import { entryOf } from './entries.js'

const combined = lineFormat('combined')
const json = lineFormat('json')

/** A line of nginx's combined format, taken apart as the programs do that read them. */
const line = /^(\S+) - - \[([^\]]+)\] "([^"]*)" (\d{3}) (\d+|-) "([^"]*)" "([^"]*)"\n$/

function fields(text: string): string[] {
  const match = line.exec(text)
  assert.ok(match !== null, JSON.stringify(text))
  return match.slice(1)
}

test('combined, as Apache and nginx write it', () => {
  const [client, time, ...rest] = fields(combined(entryOf()))
  assert.equal(client, '192.0.2.1')
  assert.match(time!, /^\d\d\/[A-Z][a-z]{2}\/2024:\d\d:\d\d:\d\d [+-]\d{4}$/)
  assert.deepEqual(rest, ['GET /a?b=c HTTP/1.1', '200', '512', 'http://example.com/', 'curl/8.5.0'])
})

test('combined: - for what is not there', () => {
  const [client, , ...rest] = fields(
    combined(entryOf({ client: '', bytes: undefined, referer: '', userAgent: '', status: 101 })),
  )
  assert.deepEqual([client, ...rest], ['-', 'GET /a?b=c HTTP/1.1', '101', '-', '-', '-'])
  assert.equal(fields(combined(entryOf({ bytes: 0 })))[4], '0')
})

test('combined: the time is local, with its offset', () => {
  const program = `
    import { lineFormat } from '#lib/log/format.js'
    const format = lineFormat('combined')
    const base = { client: 'c', method: 'GET', target: '/', protocol: 'HTTP/1.1', status: 200, bytes: 0, referer: '', userAgent: '' }
    for (const time of ['2024-01-31T23:59:59.999Z', '2024-07-01T00:00:00Z', '2024-07-01T00:00:00.5Z', '2024-07-01T00:00:01Z'])
      console.log(/\\[(.*)\\]/.exec(format({ ...base, time: Date.parse(time) }))[1])
  `
  const zones: Readonly<Record<string, readonly string[]>> = {
    'Europe/Berlin': ['01/Feb/2024:00:59:59 +0100', '01/Jul/2024:02:00:00 +0200', '01/Jul/2024:02:00:01 +0200'],
    'America/St_Johns': ['31/Jan/2024:20:29:59 -0330', '30/Jun/2024:21:30:00 -0230', '30/Jun/2024:21:30:01 -0230'],
    UTC: ['31/Jan/2024:23:59:59 +0000', '01/Jul/2024:00:00:00 +0000', '01/Jul/2024:00:00:01 +0000'],
  }
  for (const [zone, [first, second, last]] of Object.entries(zones)) {
    const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', program], {
      encoding: 'utf8',
      env: { ...process.env, TZ: zone },
    })
    assert.equal(stdout, [first, second, second, last, ''].join('\n'), `${zone} ${stderr}`)
  }
})

test('combined: what a client sends is escaped as nginx does', () => {
  const cases: readonly [sent: string, written: string][] = [
    ['plain ~!#[]', 'plain ~!#[]'],
    ['a"b', 'a\\x22b'],
    ['a\\b', 'a\\x5Cb'],
    ['a\r\nb', 'a\\x0D\\x0Ab'],
    ['\t\0\x1b[31m', '\\x09\\x00\\x1B[31m'],
    ['\x7f', '\\x7F'],
    // One character a byte, as Node reads heads.
    ['\xc3\xa9', '\\xC3\\xA9'],
    // Put there by a program.
    ['€', '\\xE2\\x82\\xAC'],
    ['𝄞', '\\xF0\\x9D\\x84\\x9E'],
  ]
  for (const [sent, written] of cases) {
    const parts = fields(combined(entryOf({ userAgent: sent, referer: sent, target: sent })))
    assert.deepEqual(parts.slice(5), [written, written])
    assert.equal(parts[2], `GET ${written} HTTP/1.1`)
  }
})

test('no field can forge a line, or leave its quotes', () => {
  const evil = 'x" 200 1 "-" "-"\n6.6.6.6 - - [31/Jan/2024:12:00:00 +0000] "GET /forged HTTP/1.1" 200 1 "-" "'
  const any = fc.oneof(fc.string({ unit: 'binary' }), fc.constant(evil), fc.string())
  fc.assert(
    fc.property(any, any, any, any, (client, target, referer, userAgent) => {
      const entry = entryOf({ client, target, referer, userAgent, host: userAgent })
      const text = combined(entry)
      fields(text)
      assert.match(text, /^[ -~]*\n$/)
      const object = json(entry)
      assert.equal(object.trimEnd().split(/[\r\n\u0085\u2028\u2029]/).length, 1)
      assert.equal(typeof JSON.parse(object).userAgent, userAgent === '' ? 'object' : 'string')
    }),
    { numRuns: 300 },
  )
})

test('json: one object a line', () => {
  const text = json(entryOf())
  assert.match(text, /^\{.*\}\n$/)
  assert.deepEqual(JSON.parse(text), {
    time: '2024-01-31T12:00:00.250Z',
    client: '192.0.2.1',
    method: 'GET',
    target: '/a?b=c',
    protocol: 'HTTP/1.1',
    status: 200,
    bytes: 512,
    duration: 12.346,
    entry: 'app',
    server: 'http://10.0.0.1:80',
    attempts: 1,
    error: null,
    referer: 'http://example.com/',
    userAgent: 'curl/8.5.0',
    host: 'www.example.com',
  })
})

test('json: null for what is not there, and UTF-8 put together again', () => {
  const absent = { client: '', bytes: undefined, server: undefined, referer: '', userAgent: '', host: '' }
  const { client, bytes, server, error, referer, userAgent, host } = JSON.parse(
    json(entryOf({ ...absent, error: 'ERR_NO_SERVER' })),
  )
  assert.deepEqual(
    [client, bytes, server, error, referer, userAgent, host],
    [null, null, null, 'ERR_NO_SERVER', null, null, null],
  )
  const agents: readonly [sent: string, written: string][] = [
    ['caf\xc3\xa9', 'café'],
    ['caf\xe9', 'café'],
    ['€ \xe9', '€ \xe9'],
    ['a"\n\u2028\x9b', 'a"\n\u2028\x9b'],
  ]
  for (const [sent, written] of agents) {
    const text = json(entryOf({ userAgent: sent }))
    assert.equal(JSON.parse(text).userAgent, written)
    assert.doesNotMatch(text.slice(0, -1), /[\n\u2028\x9b]/)
  }
})
