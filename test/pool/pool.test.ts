import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { findBalancer, registerBalancer } from '#lib/balancers/registry.js'
import type { Member } from '#lib/pool/member.js'
import type { Pool } from '#lib/pool/pool.js'
import { ask, PoolBench, poolRequest, take } from '../support/pool.js'

const ok = 'succeeded' as const

function sequence(pool: Pool<string>, count: number): string {
  return Array.from({ length: count }, () => ask(pool, ok)).join(' ')
}

describe('Pool', () => {
  it('takes a server that is listed n times n times, in the order of the list', () => {
    const pool = new PoolBench().pool('a b a c a b')
    assert.equal(sequence(pool, 6), 'a b a c a b')
    assert.equal(pool.members.length, 3)
  })

  it('asks a server no more once it is offline, then exactly once, and tells of each change once', () => {
    const bench = new PoolBench()
    const pool = bench.pool('a b')
    const outcome = (host: string) => (host === 'a' ? 'failed' : ok)
    const asked: string[] = []
    const request = () => {
      const lease = take(pool)
      const { host } = lease.member.server.address
      asked.push(host)
      if (outcome(host) === ok) lease.succeeded()
      else lease.failed('refused')
      lease.release()
    }
    for (let i = 0; i < 10; i++) request()
    assert.equal(asked.filter((host) => host === 'a').length, 2)
    bench.clock.advance(60_000)
    asked.length = 0
    for (let i = 0; i < 10; i++) request()
    assert.equal(asked.filter((host) => host === 'a').length, 1)
    assert.deepEqual(
      bench.changes.map(({ server, from, to }) => [server, from, to]),
      [['http://a:80', 'up', 'offline']],
    )
  })

  it('lets the others avoid a server while its trial is under way', () => {
    const bench = new PoolBench()
    const pool = bench.pool('a b')
    const a = pool.members[0]!.server.health
    a.failed(pool.options, false, '')
    a.failed(pool.options, false, '')
    bench.clock.advance(60_000)
    const leases = Array.from({ length: 6 }, () => take(pool))
    assert.equal(leases.filter(({ member }) => member.id === 'http://a:80').length, 1)
  })

  it('shares failures by address, each entry with its own limits', () => {
    const bench = new PoolBench()
    const first = bench.pool('a', { attemptsCount: 3 })
    const second = bench.pool('http://a:80 b', { attemptsCount: 3 })
    ask(first, 'failed')
    ask(first, 'failed')
    ask(first, 'failed')
    assert.equal(sequence(second, 3), 'b b b')
  })

  it('remembers nothing with HighAvailability Off', () => {
    const bench = new PoolBench()
    const pool = bench.pool('a', { highAvailability: false })
    for (let i = 0; i < 5; i++) assert.equal(ask(pool, 'failed'), 'a')
    assert.deepEqual(bench.changes, [])
  })

  it('with FailOpen tries the one that failed longest ago when all are offline', () => {
    const bench = new PoolBench()
    const pool = bench.pool('a b c', { attemptsCount: 1 })
    for (let i = 0; i < 3; i++) {
      ask(pool, 'failed')
      bench.clock.advance(1000)
    }
    assert.equal(ask(pool, 'failed'), 'a')
    bench.clock.advance(1)
    assert.equal(ask(pool, 'failed'), 'b')
  })

  it('with FailOpen tries one resting server, and no more, for a request that failed elsewhere', () => {
    const bench = new PoolBench()
    const pool = bench.pool('a b c', { attemptsCount: 1 })
    const [a, b, c] = pool.members as [Member<string>, Member<string>, Member<string>]
    a.server.health.failed(pool.options, false, '')
    bench.clock.advance(1)
    b.server.health.failed(pool.options, false, '')
    const request = poolRequest({ attempt: 1 })
    const last = pool.lease(request, new Set([c]))
    assert.ok(typeof last === 'object')
    assert.equal(last.member.id, a.id)
    assert.equal(pool.lease(request, new Set([c, a])), 'none')
    last.release()
  })

  it('without FailOpen has nobody, and says when it may have', () => {
    const bench = new PoolBench()
    const pool = bench.pool('a b', { attemptsCount: 1, failOpen: false })
    ask(pool, 'failed')
    bench.clock.advance(10_000)
    ask(pool, 'failed')
    assert.equal(pool.lease(poolRequest(), new Set()), 'none')
    assert.equal(pool.retryAfter, 50_000)
  })

  it('uses backups only while no server of the list is eligible, or all were tried', () => {
    const bench = new PoolBench()
    const pool = bench.pool('a b', { attemptsCount: 1 }, 'x y')
    assert.equal(sequence(pool, 4), 'a b a b')
    const tried = new Set<Member<string>>(pool.members.filter(({ backup }) => !backup))
    const lease = pool.lease(poolRequest({ attempt: 2 }), tried)
    assert.ok(typeof lease === 'object' && lease.member.backup)
    lease.release()
    ask(pool, 'failed')
    ask(pool, 'failed')
    assert.deepEqual(new Set([ask(pool, ok), ask(pool, ok)]), new Set(['x', 'y']))
    bench.clock.advance(60_000)
    assert.equal(pool.members.filter((member) => pool.standing(member) === 'waiting as a backup').length, 2)
  })

  it('keeps to MaxConnections, and serves those who wait in their order', () => {
    const pool = new PoolBench().pool('a', { maxConnections: 1 })
    const held = take(pool)
    assert.equal(pool.lease(poolRequest(), new Set()), 'full')
    const served: string[] = []
    const held2: { release(): void }[] = []
    for (const name of ['first', 'second']) {
      pool.queue.join({
        ready: () => {
          const lease = pool.lease(poolRequest(), new Set())
          if (typeof lease === 'string') return false
          served.push(name)
          held2.push(lease)
          return true
        },
        refused: () => served.push(`${name} refused`),
      })
    }
    held.release()
    assert.deepEqual(served, ['first'])
    assert.equal(pool.lease(poolRequest(), new Set()), 'full')
    held2[0]!.release()
    assert.deepEqual(served, ['first', 'second'])
    held2[1]!.release()
    assert.equal(ask(pool, ok), 'a')
  })

  it('does not wait for a server that is at its limit and offline', () => {
    const pool = new PoolBench().pool('a', { maxConnections: 1, attemptsCount: 1, failOpen: false })
    const held = take(pool)
    held.failed('refused')
    assert.equal(pool.lease(poolRequest(), new Set()), 'none')
    held.release()
  })

  it('counts requests of all pools against a limit, and frees those that wait in any of them', () => {
    const bench = new PoolBench()
    const one = bench.pool('a', { maxConnections: 1 })
    const two = bench.pool('a', { maxConnections: 1 })
    const held = take(one)
    let ready = 0
    two.queue.join({ ready: () => ++ready > 0, refused: () => {} })
    held.release()
    assert.equal(ready, 1)
  })

  it('keeps to its limit although another pool without one fills the server', () => {
    const bench = new PoolBench()
    const limited = bench.pool('a b', { maxConnections: 1 })
    const free = bench.pool('a')
    assert.equal(ask(limited, ok), 'a')
    const held = take(free)
    assert.equal(ask(limited, ok), 'b')
    assert.equal(ask(limited, ok), 'b')
    held.release()
    assert.deepEqual(new Set([ask(limited, ok), ask(limited, ok)]), new Set(['a', 'b']))
  })

  it('counts a request that fails twice, by its status and by its end, once', () => {
    const pool = new PoolBench().pool('a')
    const lease = take(pool)
    lease.failed('it answered 500')
    lease.failed('it broke off')
    lease.release()
    const { server } = pool.members[0]!
    assert.deepEqual([server.failed, server.succeeded, server.health.consecutiveFailures], [1, 0, 1])
  })

  it('keeps a client on its server by the token, as long as it is eligible', () => {
    const bench = new PoolBench()
    const pool = bench.pool('a b c', { stickyCookie: 'srv', attemptsCount: 1 })
    const b = pool.members[1]!
    const stuck = poolRequest({ stickyToken: () => b.token })
    assert.equal(ask(pool, ok, stuck), 'b')
    assert.equal(ask(pool, 'failed', stuck), 'b')
    assert.notEqual(ask(pool, ok, stuck), 'b')
    bench.clock.advance(60_000)
    assert.equal(ask(pool, ok, stuck), 'b')
    assert.doesNotMatch(b.token, /b:80|http/)
    assert.notEqual(b.token, pool.members[0]!.token)
  })

  it('gives a server that came back a growing share with SlowStart', () => {
    const bench = new PoolBench()
    const pool = bench.pool('a b', { attemptsCount: 1, offlineTimeOut: 1000, slowStart: 10_000 })
    assert.equal(ask(pool, 'failed'), 'a')
    bench.clock.advance(1000)
    while (ask(pool, ok) !== 'a');
    const share = () => Array.from({ length: 110 }, () => ask(pool, ok)).filter((host) => host === 'a').length
    assert.equal(pool.members[0]!.weight, 0.1)
    const first = share()
    assert.ok(first >= 8 && first <= 12, `a tenth, not ${first} of 110`)
    bench.clock.advance(5000)
    assert.equal(pool.members[0]!.weight, 0.6)
    bench.clock.advance(5000)
    assert.equal(pool.members[0]!.weight, 1)
    assert.equal(share(), 55)
  })

  it('refuses the answer of a balancer that is none of its candidates', () => {
    registerBalancer('test-nonsense', () => ({ pick: () => ({}) as never }))
    const factory = findBalancer('test-nonsense')!
    const pool = new PoolBench().pool('a', { loadBalance: { name: 'test-nonsense', factory } })
    assert.throws(() => pool.lease(poolRequest(), new Set()), /test-nonsense returned none of its candidates/)
    assert.equal(pool.members[0]!.active, 0)
  })

  it('tells the odds without taking a turn', () => {
    const bench = new PoolBench()
    const pool = bench.pool('a*3 b')
    const context = { clock: bench.clock, random: { next: () => 0.5, bytes: () => Buffer.alloc(0) } }
    const odds = pool.odds(poolRequest(), 1000, context)
    assert.deepEqual(
      pool.members.map((member) => Math.round((odds.get(member) ?? 0) * 100)),
      [75, 25],
    )
    assert.equal(sequence(pool, 4), 'a a a b')
  })

  it('lets go of its servers when it is closed, after those who wait have been served', () => {
    const bench = new PoolBench()
    const pool = bench.pool('a', { maxConnections: 1 })
    const held = take(pool)
    let served = false
    pool.queue.join({
      ready: () => {
        served = true
        return true
      },
      refused: () => {},
    })
    pool.close()
    bench.directory.sweep()
    assert.equal([...bench.directory].length, 1)
    held.release()
    assert.ok(served)
    bench.directory.sweep()
    assert.equal([...bench.directory].length, 0)
    assert.equal(bench.clock.pending, 0)
  })
})
