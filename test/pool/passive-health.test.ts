import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { PassiveHealth } from '#lib/pool/passive-health.js'
import { ManualClock } from '../support/clock.js'

const policy = { attemptsCount: 2, offlineTimeOut: 60_000 }

function make() {
  const clock = new ManualClock()
  const told: string[] = []
  const health = new PassiveHealth(clock, {
    healthChanged: (from, to, reason) => told.push(`${from} → ${to}: ${reason}`),
    trialChanged: () => told.push(health.usable ? 'due' : 'not due'),
  })
  return { clock, told, health }
}

describe('PassiveHealth', () => {
  it('goes offline after AttemptsCount failures in a row, once', () => {
    const { health, told } = make()
    health.failed(policy, false, 'refused')
    assert.equal(health.state, 'up')
    health.failed(policy, false, 'refused')
    health.failed(policy, false, 'refused')
    assert.equal(health.state, 'offline')
    assert.deepEqual(told, ['up → offline: refused'])
    assert.equal(health.consecutiveFailures, 3)
  })

  it('counts failures in a row only: any success zeroes the count', () => {
    const { health } = make()
    for (let i = 0; i < 5; i++) {
      health.failed(policy, false, 'refused')
      health.succeeded()
    }
    assert.equal(health.state, 'up')
    assert.equal(health.consecutiveFailures, 0)
  })

  it('rests for OfflineTimeOut to the millisecond, then takes exactly one request as its trial', () => {
    const { clock, health } = make()
    health.failed(policy, false, '')
    health.failed(policy, false, '')
    assert.equal(health.rest, 60_000)
    clock.advance(59_999)
    assert.equal(health.usable, false)
    clock.advance(1)
    assert.equal(health.usable, true)
    assert.equal(health.state, 'offline')
    assert.equal(health.begin(), true)
    assert.equal(health.usable, false)
    assert.equal(health.begin(), false)
  })

  it('is up after a trial that succeeds', () => {
    const { clock, health, told } = make()
    health.failed(policy, false, 'x')
    health.failed(policy, false, 'x')
    clock.advance(60_000)
    health.begin()
    health.succeeded()
    assert.equal(health.state, 'up')
    assert.equal(health.consecutiveFailures, 0)
    assert.deepEqual(told, ['up → offline: x', 'due', 'not due', 'offline → up: it answered a request'])
  })

  it('rests a whole window more after a trial that fails, and tells nobody of a change', () => {
    const { clock, health, told } = make()
    health.failed(policy, false, 'x')
    health.failed(policy, false, 'x')
    clock.advance(60_000)
    assert.equal(health.begin(), true)
    clock.advance(10_000)
    health.failed(policy, true, 'x')
    clock.advance(59_999)
    assert.equal(health.usable, false)
    clock.advance(1)
    assert.equal(health.usable, true)
    assert.equal(told.filter((line) => line.includes('→')).length, 1)
  })

  it('gives the trial to the next request when its client left', () => {
    const { clock, health } = make()
    health.failed(policy, false, 'x')
    health.failed(policy, false, 'x')
    clock.advance(60_000)
    health.begin()
    health.abandoned()
    assert.equal(health.begin(), true)
  })

  it('is not kept offline longer by failures of requests that were under way', () => {
    const { clock, health } = make()
    health.failed(policy, false, 'x')
    health.failed(policy, false, 'x')
    clock.advance(30_000)
    health.failed(policy, false, 'x')
    clock.advance(30_000)
    assert.equal(health.usable, true)
  })

  it('comes back early when a request that was under way succeeds', () => {
    const { clock, health } = make()
    health.failed(policy, false, 'x')
    health.failed(policy, false, 'x')
    health.succeeded()
    assert.equal(health.state, 'up')
    clock.advance(120_000)
    assert.equal(health.state, 'up')
    assert.equal(clock.pending, 0)
  })
})
