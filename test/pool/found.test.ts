import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parseServer, workerAddress } from '#lib/pool/address.js'
import type { Member } from '#lib/pool/member.js'
import type { Pool } from '#lib/pool/pool.js'
import type { Found } from '#lib/pool/source.js'
import { ask, PoolBench, poolRequest, take } from '../support/pool.js'

const api = 'dns:http://api:80'

function found(servers: string, rest: Partial<Found> = {}): Found[] {
  return servers
    .split(' ')
    .filter(Boolean)
    .map((text) => ({ ...parseServer(text), backup: false, ...rest }))
}

function sequence(pool: Pool<string>, count: number): string {
  return Array.from({ length: count }, () => ask(pool, 'succeeded')).join(' ')
}

/** A request that waits for a server; tells which one has served it, if one has. */
function waiting(pool: Pool<string>): () => string {
  let served = ''
  pool.queue.join({
    ready: () => {
      served = ask(pool, 'succeeded')
      return true
    },
    refused: () => assert.fail('it waits'),
  })
  return () => served
}

function member(pool: Pool<string>, host: string): Member<string> {
  return pool.members.find(({ server }) => server.address.host === host)!
}

describe('a pool that a source feeds', () => {
  it('serves what was found, and no more what is not found again', () => {
    const pool = new PoolBench().pool('a dns:api:80')
    assert.equal(sequence(pool, 2), 'a a')
    pool.found(api, found('b c'))
    assert.equal(sequence(pool, 3), 'a b c')
    pool.found(api, found('c'))
    assert.equal(sequence(pool, 4), 'a c a c')
    assert.deepEqual(
      pool.members.map(({ id, source }) => [id, source]),
      [
        ['http://a:80', undefined],
        ['http://c:80', api],
      ],
    )
  })

  it('keeps what is found again: its requests, its health, its weight by hand', () => {
    const bench = new PoolBench()
    const pool = bench.pool('dns:api:80')
    pool.found(api, found('a b'))
    const before = member(pool, 'a')
    pool.reweigh(before, 3)
    before.server.health.failed({ attemptsCount: 1, offlineTimeOut: 60_000 }, false, 'refused')
    pool.found(api, found('a b c'))
    assert.equal(member(pool, 'a'), before)
    assert.equal(before.weight, 3)
    assert.equal(before.state, 'offline')
  })

  it('takes one that is found again after it was gone for a new one, whatever is still under way there', () => {
    const bench = new PoolBench()
    const pool = bench.pool('worker:api b')
    const workers = [{ address: workerAddress('api', '1'), weight: 1, backup: false }]
    pool.found('worker:api', workers)
    const lease = take(pool)
    assert.equal(lease.member.server.address.host, 'api/1')
    // Its connection is lost, which its requests tell in their turn.
    pool.found('worker:api', [])
    bench.directory.sweep()
    const { server } = lease.member
    for (let i = 0; i < 2; i++) server.health.failed({ attemptsCount: 2, offlineTimeOut: 60_000 }, false, 'lost')
    pool.found('worker:api', workers)
    assert.equal(member(pool, 'api/1').state, 'up')
    assert.deepEqual(sequence(pool, 2).split(' ').sort(), ['api/1', 'b'])
    lease.release()
  })

  it('makes a request wait for the first server, and serves it when one is found', () => {
    const pool = new PoolBench().pool('worker:api')
    assert.equal(pool.lease(poolRequest(), new Set()), 'full')
    const served = waiting(pool)
    pool.found('worker:api', found('worker:api/1'))
    assert.equal(served(), 'api/1')
  })

  it('lets what is under way at a server that has left go on', () => {
    const pool = new PoolBench().pool('dns:api:80')
    pool.found(api, found('a'))
    const lease = take(pool)
    pool.found(api, [])
    assert.equal(pool.lease(poolRequest(), new Set()), 'full')
    lease.succeeded()
    lease.release()
    assert.equal(lease.member.usage.active, 0)
  })

  it('has backups where the source says so, and where only BackupList names it', () => {
    const bench = new PoolBench()
    const pool = bench.pool('srv:api', {}, 'dns:api:80')
    pool.found('srv:http://api', [...found('a'), ...found('b', { backup: true })])
    pool.found(api, found('c'))
    assert.deepEqual(
      pool.members.map(({ id, backup }) => [id, backup]),
      [
        ['http://a:80', false],
        ['http://c:80', true],
        ['http://b:80', true],
      ],
    )
  })

  it('leaves a server in the list that names it, where nothing is said of backups', () => {
    const pool = new PoolBench().pool('a b', {}, 'c d')
    pool.found('registry', found('a c e', { backup: undefined, admin: 'draining' }))
    assert.deepEqual(
      pool.members.map(({ server, backup, state }) => [server.address.host, backup, state]),
      [
        ['a', false, 'draining'],
        ['b', false, 'up'],
        ['e', false, 'draining'],
        ['c', true, 'draining'],
        ['d', true, 'up'],
      ],
    )
  })

  it('does as the registry says of state and check, and as before when it says nothing any more', () => {
    const bench = new PoolBench()
    const pool = bench.pool('a b')
    const health = { ...pool.options, healthCheck: '/own' }
    pool.found('registry', found('a', { admin: 'draining', health }))
    assert.equal(member(pool, 'a').state, 'draining')
    assert.equal(member(pool, 'a').check?.options.path, '/own')
    assert.equal(sequence(pool, 2), 'b b')
    pool.found('registry', [])
    assert.equal(member(pool, 'a').state, 'up')
    assert.equal(member(pool, 'a').check, undefined)
    pool.found('registry', found('c', { admin: 'disabled' }))
    assert.equal(member(pool, 'c').state, 'disabled')
  })

  it('leaves a state alone that was set by hand, while the source says nothing of it', () => {
    const pool = new PoolBench().pool('dns:api:80')
    pool.found(api, found('a b'))
    pool.setAdmin(member(pool, 'a'), 'disabled')
    pool.found(api, found('a b c'))
    assert.equal(member(pool, 'a').state, 'disabled')
  })

  it('watches each server once, and lets go of all', () => {
    const bench = new PoolBench()
    const pool = bench.pool('dns:api:80', { healthCheck: '/' })
    for (let i = 0; i < 1000; i++) pool.found(api, found(`s${i} s${i + 1}`))
    assert.equal(bench.watched, 2)
    bench.checks.sweep()
    bench.directory.sweep()
    assert.deepEqual([...bench.directory].map(({ address }) => address.host).sort(), ['s1000', 's999'])
    assert.equal(bench.checks.verdicts.length, 2)
    pool.close()
    bench.directory.sweep()
    assert.equal(bench.watched, 0)
    assert.equal([...bench.directory].length, 0)
  })
})

describe('a server that cannot be sent to', () => {
  it('gets nothing, until it can be', () => {
    const bench = new PoolBench()
    const pool = bench.pool('a b')
    bench.setReady('http://a:80', false)
    assert.equal(sequence(pool, 2), 'b b')
    assert.equal(pool.standing(member(pool, 'a')), 'not connected')
    assert.equal(member(pool, 'a').state, 'up')
    bench.setReady('http://a:80', true)
    assert.deepEqual(sequence(pool, 2).split(' ').sort(), ['a', 'b'])
  })

  it('is not tried as the last resort either: requests wait for it', () => {
    const bench = new PoolBench()
    const pool = bench.pool('a')
    bench.setReady('http://a:80', false)
    assert.equal(pool.lease(poolRequest(), new Set()), 'full')
    assert.equal(pool.waitsForServers, true)
    const served = waiting(pool)
    bench.setReady('http://a:80', true)
    assert.equal(served(), 'a')
  })

  it('gets no more requests at once than it takes by itself, and those that wait as soon as it takes more', () => {
    const bench = new PoolBench()
    const pool = bench.pool('a b', { maxConnections: 3 })
    bench.setLimit('http://a:80', 1)
    const leases = Array.from({ length: 4 }, () => take(pool))
    assert.deepEqual(leases.map(({ member: { server } }) => server.address.host).sort(), ['a', 'b', 'b', 'b'])
    assert.equal(pool.standing(member(pool, 'a')), 'at its limit')
    assert.equal(pool.lease(poolRequest(), new Set()), 'full')
    const served = waiting(pool)
    bench.setLimit('http://a:80', 2)
    assert.equal(served(), 'a')
    bench.setLimit('http://a:80', 9)
    assert.equal(take(pool).member.server.address.host, 'a')
    assert.equal(take(pool).member.server.address.host, 'a')
    // That of the pool holds as well.
    assert.equal(pool.lease(poolRequest(), new Set()), 'full')
    for (const lease of leases) lease.release()
    assert.equal(sequence(pool, 2).split(' ').sort().join(' '), 'a b')
  })

  it('is not taken for connected anew when only its limit has changed', () => {
    const bench = new PoolBench()
    const pool = bench.pool('a b')
    const { server } = member(pool, 'a')
    for (let i = 0; i < 2; i++) server.health.failed({ attemptsCount: 2, offlineTimeOut: 60_000 }, false, 'lost')
    bench.setLimit('http://a:80', 5)
    assert.equal(server.state, 'offline')
  })

  it('forgets what its requests have told when it is connected again', () => {
    const bench = new PoolBench()
    const pool = bench.pool('a b')
    const { server } = member(pool, 'a')
    for (let i = 0; i < 2; i++) server.health.failed({ attemptsCount: 2, offlineTimeOut: 60_000 }, false, 'lost')
    bench.setReady('http://a:80', false)
    assert.equal(server.state, 'offline')
    bench.setReady('http://a:80', true)
    assert.equal(server.state, 'up')
    assert.deepEqual(sequence(pool, 2).split(' ').sort(), ['a', 'b'])
  })

  it('does not hide that the others are offline', () => {
    const bench = new PoolBench()
    const pool = bench.pool('a b', { failOpen: false })
    bench.setReady('http://a:80', false)
    for (let i = 0; i < 2; i++) ask(pool, 'failed')
    assert.equal(pool.lease(poolRequest(), new Set()), 'none')
    assert.equal(pool.describe(), 'http://a:80 not connected, http://b:80 offline for 60 s more')
  })
})
