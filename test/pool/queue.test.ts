import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { ProxyError } from '#lib/errors.js'
import { Queue, type Waiter } from '#lib/pool/queue.js'
import { ManualClock } from '../support/clock.js'

function waiter(ready: () => boolean = () => true): Waiter & { errors: string[] } {
  const errors: string[] = []
  return { ready, refused: (error: ProxyError) => errors.push(error.code), errors }
}

describe('Queue', () => {
  it('takes no more than its length', () => {
    const queue = new Queue(new ManualClock(), 1, 1000)
    queue.join(waiter())
    assert.throws(() => queue.join(waiter()), { code: 'ERR_QUEUE_FULL', status: 503 })
  })

  it('lets each wait for its time, and no longer', () => {
    const clock = new ManualClock()
    const queue = new Queue(clock, 10, 1000)
    const first = waiter()
    const second = waiter()
    queue.join(first)
    clock.advance(600)
    queue.join(second)
    clock.advance(400)
    assert.deepEqual([first.errors, second.errors], [['ERR_QUEUE_TIMEOUT'], []])
    clock.advance(600)
    assert.deepEqual(second.errors, ['ERR_QUEUE_TIMEOUT'])
    assert.equal(queue.size, 0)
  })

  it('serves from the head, and stops at the first that finds nothing', () => {
    const queue = new Queue(new ManualClock(), 10, 1000)
    const served: number[] = []
    let free = 2
    for (const n of [1, 2, 3]) {
      queue.join(
        waiter(() => {
          if (free === 0) return false
          free--
          served.push(n)
          return true
        }),
      )
    }
    queue.serve()
    assert.deepEqual(served, [1, 2])
    assert.equal(queue.size, 1)
    free = 1
    queue.serve()
    assert.deepEqual(served, [1, 2, 3])
  })

  it('lets nobody overtake, but those whom it serves', () => {
    const queue = new Queue(new ManualClock(), 10, 1000)
    assert.equal(queue.mustWait, false)
    let whileServed: boolean | undefined
    queue.join(
      waiter(() => {
        whileServed = queue.mustWait
        return true
      }),
    )
    assert.equal(queue.mustWait, true)
    queue.serve()
    assert.equal(whileServed, false)
    assert.equal(queue.mustWait, false)
  })

  it('forgets who leaves, with its timer', () => {
    const clock = new ManualClock()
    const queue = new Queue(clock, 10, 1000)
    const one = waiter()
    queue.join(one)
    queue.leave(one)
    clock.advance(2000)
    assert.deepEqual(one.errors, [])
    assert.equal(clock.pending, 0)
  })
})
