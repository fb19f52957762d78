import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type ErrorCode, errorTable, ProxyError } from '#lib/errors.js'
import { type FailedTry, isIdempotent, isStale, type NextTry, nextTry, type RetryOptions } from '#lib/forward/retry.js'
import { RetryBudget } from '#lib/forward/retry-budget.js'
import { ManualClock } from '../support/clock.js'

const usual: RetryOptions = {
  retryOn: { connect: true, reset: true, timeout: false, nonIdempotent: false, statuses: undefined },
  retryLimit: undefined,
}

function decide(code: ErrorCode, given: Partial<FailedTry> = {}, options: RetryOptions = usual): NextTry {
  const failed = {
    error: new ProxyError(code),
    method: 'GET',
    tries: 1,
    replayable: true,
    responseStarted: false,
    stale: false,
  }
  return nextTry({ ...failed, ...given }, options, new RetryBudget(new ManualClock()))
}

function on(given: Partial<RetryOptions['retryOn']>): RetryOptions {
  return { ...usual, retryOn: { ...usual.retryOn, ...given } }
}

test('safe methods, and those that may be sent twice', () => {
  for (const method of ['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE']) assert.equal(isIdempotent(method), true)
  for (const method of ['POST', 'PATCH', 'CONNECT', 'LOCK', 'get', '']) assert.equal(isIdempotent(method), false)
})

test('what the server cannot have seen goes elsewhere, whatever the method', () => {
  for (const code of Object.keys(errorTable) as ErrorCode[]) {
    const expected = errorTable[code].retry === 'anywhere' ? 'other-server' : 'none'
    assert.equal(decide(code, { method: 'POST' }), expected, code)
    assert.equal(decide(code, { method: 'POST' }, on({ connect: false })), 'none', code)
  }
})

test('what it may have seen goes elsewhere only where that is safe', () => {
  assert.equal(decide('ERR_CONNECTION_LOST'), 'other-server')
  assert.equal(decide('ERR_CONNECTION_LOST', { method: 'POST' }), 'none')
  assert.equal(decide('ERR_CONNECTION_LOST', { method: 'POST' }, on({ nonIdempotent: true })), 'other-server')
  assert.equal(decide('ERR_CONNECTION_LOST', { replayable: false }), 'none')
  assert.equal(decide('ERR_CONNECTION_LOST', { responseStarted: true }), 'none')
  assert.equal(decide('ERR_CONNECTION_LOST', {}, on({ reset: false })), 'none')
  assert.equal(decide('ERR_RESPONSE_INVALID'), 'other-server')
  assert.equal(decide('ERR_RESPONSE_TIMEOUT'), 'none')
  assert.equal(decide('ERR_RESPONSE_TIMEOUT', {}, on({ timeout: true })), 'other-server')
  assert.equal(decide('ERR_RESPONSE_STATUS'), 'other-server')
  assert.equal(decide('ERR_RESPONSE_STATUS', { method: 'POST' }), 'none')
})

test('not even a refused connection is tried elsewhere when the body is gone, or the answer has begun', () => {
  assert.equal(decide('ERR_CONNECT_REFUSED', { replayable: false }), 'none')
  assert.equal(decide('ERR_CONNECT_REFUSED', { responseStarted: true }), 'none')
})

test('a kept connection that died is replaced at the same server, at no cost', () => {
  const budget = new RetryBudget(new ManualClock())
  while (budget.take());
  const failed = {
    error: new ProxyError('ERR_CONNECTION_LOST'),
    method: 'GET',
    tries: 1,
    replayable: true,
    responseStarted: false,
  }
  assert.equal(nextTry({ ...failed, stale: true }, { ...usual, retryLimit: 1 }, budget), 'same-server')
  assert.equal(nextTry({ ...failed, stale: false }, usual, budget), 'none')
  assert.equal(decide('ERR_CONNECTION_LOST', { stale: true, method: 'POST' }), 'none')
  assert.equal(decide('ERR_CONNECTION_LOST', { stale: true, replayable: false }), 'none')
  assert.equal(decide('ERR_RESPONSE_INVALID', { stale: true }), 'other-server')
})

test('a request that a connection took no more is sent once more to the same server, whatever its method', () => {
  assert.equal(decide('ERR_STREAM_REFUSED', { stale: true, method: 'POST' }), 'same-server')
  assert.equal(decide('ERR_STREAM_REFUSED', { stale: true, method: 'POST' }, on({ connect: false })), 'same-server')
  assert.equal(decide('ERR_STREAM_REFUSED', { stale: true, replayable: false }), 'none')
  assert.equal(decide('ERR_STREAM_REFUSED', { stale: false }), 'other-server')
})

test('a connection is to blame once: for a loss where it had been used, for a refusal always', () => {
  const first = { reused: false, fresh: false, answered: false }
  const lost = new ProxyError('ERR_CONNECTION_LOST')
  const refused = new ProxyError('ERR_STREAM_REFUSED')
  assert.equal(isStale({ ...first, reused: true }, lost), true)
  assert.equal(isStale(first, lost), false)
  assert.equal(isStale(first, refused), true)
  for (const error of [lost, refused]) {
    assert.equal(isStale({ ...first, reused: true, fresh: true }, error), false)
    assert.equal(isStale({ ...first, reused: true, answered: true }, error), false)
  }
  assert.equal(isStale({ ...first, reused: true }, new ProxyError('ERR_STREAM_RESET')), false)
})

test('RetryLimit is the number of tries', () => {
  const limited = { ...usual, retryLimit: 2 }
  for (const code of ['ERR_CONNECT_REFUSED', 'ERR_CONNECTION_LOST'] as const) {
    assert.equal(decide(code, { tries: 1 }, limited), 'other-server')
    assert.equal(decide(code, { tries: 2 }, limited), 'none')
  }
})
