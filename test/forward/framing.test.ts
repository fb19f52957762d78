import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ProxyError } from '#lib/errors.js'
import { requestFraming } from '#lib/forward/framing.js'
import { incoming } from '../support/incoming.js'

test('what the head says of the body', () => {
  const cases: [fields: string[], hasBody: boolean, length: number | undefined][] = [
    [[], false, undefined],
    [['Content-Length', '0'], false, 0],
    [['content-length', '5'], true, 5],
    [['Content-Length', '007'], true, 7],
    [['Content-Length', '999999999999999'], true, 999_999_999_999_999],
    [['Transfer-Encoding', 'chunked'], true, undefined],
    [['transfer-encoding', 'Chunked'], true, undefined],
    [['X-Content-Length', '5', 'Content-Lengths', '6'], false, undefined],
  ]
  for (const [fields, hasBody, length] of cases)
    assert.deepEqual(requestFraming(incoming({ fields })), { hasBody, length })
})

test('a length of nothing but zeros is no body', () => {
  assert.equal(requestFraming(incoming({ fields: ['Content-Length', '00'] })).hasBody, false)
})

test('what leaves doubt is refused', () => {
  const cases: string[][] = [
    ['Content-Length', '5', 'Content-Length', '5'],
    ['Content-Length', '5', 'content-length', '6'],
    ['Content-Length', '5', 'Transfer-Encoding', 'chunked'],
    ['Transfer-Encoding', 'chunked', 'Content-Length', '5'],
    ['Transfer-Encoding', 'chunked', 'Transfer-Encoding', 'chunked'],
    ['Transfer-Encoding', 'gzip, chunked'],
    ['Transfer-Encoding', 'chunked, chunked'],
    ['Transfer-Encoding', 'identity'],
    ['Transfer-Encoding', ''],
    ['Transfer-Encoding', '\x0bchunked'],
    ['Transfer-Encoding', '\xa0chunked'],
    ['Host', 'a b'],
    ['Host', 'a/b'],
    ['Host', 'user@a'],
    ['Content-Length', ''],
    ['Content-Length', '-1'],
    ['Content-Length', '+1'],
    ['Content-Length', '1e3'],
    ['Content-Length', '0x10'],
    ['Content-Length', '1,1'],
    ['Content-Length', '1 1'],
    ['Content-Length', '9999999999999999'],
    ['Content-Length', '٣'],
    ['Content-Length ', '5'],
    ['Content Length', '5'],
    ['', '5'],
    ['X:Y', '5'],
    ['Host', 'a', 'host', 'a'],
    ['X', 'a\0'],
    ['X', 'a\rb'],
    ['X', 'a\nb'],
    ['X', 'a\x7f'],
    ['X', '\x01'],
  ]
  for (const fields of cases) {
    assert.throws(
      () => requestFraming(incoming({ fields })),
      (error) => error instanceof ProxyError && error.code === 'ERR_BAD_REQUEST',
      JSON.stringify(fields),
    )
  }
})

test('tabs and bytes beyond ASCII are allowed in values', () => {
  assert.deepEqual(requestFraming(incoming({ fields: ['X', 'a\tb', 'Y', '\xe9\xff', 'Z', ''] })), {
    hasBody: false,
    length: undefined,
  })
})

test('HTTP/2: a stream that is open is a body; names of its own are none of ours', () => {
  const req = incoming({ httpVersion: '2.0', fields: [':path', '/', ':method', 'POST'] })
  Object.assign(req, { stream: { endAfterHeaders: false } })
  assert.deepEqual(requestFraming(req), { hasBody: true, length: undefined })
  Object.assign(req, { stream: { endAfterHeaders: true } })
  assert.deepEqual(requestFraming(req), { hasBody: false, length: undefined })
})
