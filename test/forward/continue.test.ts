import assert from 'node:assert/strict'
import type { ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { test } from 'node:test'
import { continueWhenRead, leaveContinueToServer } from '#lib/forward/continue.js'
import { settle } from '../support/rig.js'

function setUp(given: object = {}): { req: Readable; told: () => number } {
  let told = 0
  const req = new Readable({ read() {} })
  const res = { headersSent: false, writableEnded: false, writeContinue: () => told++, ...given }
  continueWhenRead(req as never, res as unknown as ServerResponse)
  return { req, told: () => told }
}

test('the client is told to go on when somebody reads, and once', async () => {
  const { req, told } = setUp()
  await settle()
  assert.equal(told(), 0)
  req.on('data', () => {})
  await settle()
  assert.equal(told(), 1)
  req.push('a')
  await settle()
  assert.equal(told(), 1)
})

test('not where the server is to say it, nor where the answer has been given', async () => {
  const left = setUp()
  leaveContinueToServer(left.req as never)
  left.req.resume()
  const answered = setUp({ headersSent: true })
  answered.req.resume()
  const ended = setUp({ writableEnded: true })
  ended.req.resume()
  await settle()
  assert.deepEqual([left.told(), answered.told(), ended.told()], [0, 0, 0])
})
