import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type ErrorCode, errorTable, ProxyError } from '#lib/errors.js'
import { errorAnswer } from '#lib/forward/error-answer.js'
import { incoming } from '../support/incoming.js'

function answer(
  code: ErrorCode,
  accept = '',
  retryAfter = 0,
): { status: number; fields: Record<string, string>; body: string } {
  const req = incoming({ fields: accept === '' ? [] : ['Accept', accept] })
  const { status, fields, body } = errorAnswer(
    req,
    new ProxyError(code, 'secret: 10.0.0.1 refused'),
    undefined,
    retryAfter,
  )
  const byName = Object.fromEntries(fields.flatMap((name, i) => (i % 2 === 0 ? [[name, fields[i + 1]!]] : [])))
  return { status, fields: byName, body: body.toString() }
}

test('every error has an answer of its status, in every form, that tells nothing of the inside', () => {
  for (const code of Object.keys(errorTable) as ErrorCode[]) {
    for (const accept of ['', 'text/html', 'application/json']) {
      const { status, fields, body } = answer(code, accept)
      assert.equal(status, errorTable[code].status)
      assert.equal(fields['Content-Length'], String(Buffer.byteLength(body)))
      assert.equal(fields['Cache-Control'], 'no-store')
      assert.ok(body.includes(String(status)))
      assert.doesNotMatch(body, /secret|10\.0\.0\.1|ERR_/)
      const { proxyStatus } = errorTable[code]
      assert.equal(fields['Proxy-Status'], proxyStatus && `pointsman; error=${proxyStatus}`)
    }
  }
})

test('Retry-After in whole seconds, with 503 only', () => {
  assert.equal(answer('ERR_NO_SERVER', '', 1).fields['Retry-After'], '1')
  assert.equal(answer('ERR_NO_SERVER', '', 1001).fields['Retry-After'], '2')
  assert.equal(answer('ERR_NO_SERVER').fields['Retry-After'], '1')
  assert.equal(answer('ERR_CONNECT_REFUSED', '', 5000).fields['Retry-After'], undefined)
})

test('the form that Accept weighs highest', () => {
  const cases: [accept: string, type: string][] = [
    ['text/html', 'text/html; charset=utf-8'],
    ['TEXT/HTML;level=1', 'text/html; charset=utf-8'],
    ['application/xhtml+xml', 'text/html; charset=utf-8'],
    ['application/json;q=0.9, text/html;q=0.8', 'application/json'],
    ['text/html;q=0, application/json;q=0.001', 'application/json'],
    ['application/vnd.api+json', 'application/json'],
    ['text/*', 'text/plain; charset=utf-8'],
    ['*/*', 'text/plain; charset=utf-8'],
    ['nonsense;q=x', 'text/plain; charset=utf-8'],
  ]
  for (const [accept, type] of cases) assert.equal(answer('ERR_NOT_FOUND', accept).fields['Content-Type'], type, accept)
})
