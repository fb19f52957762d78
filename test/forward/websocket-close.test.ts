import assert from 'node:assert/strict'
import { test } from 'node:test'
import { closeFrame, FrameFollower } from '#lib/forward/websocket-close.js'

function frame(payload: number, masked: boolean): Buffer {
  const mask = masked ? 0x80 : 0
  const key = masked ? [1, 2, 3, 4] : []
  const body = Buffer.alloc(payload)
  if (payload < 126) return Buffer.concat([Buffer.from([0x82, mask | payload, ...key]), body])
  if (payload < 65536)
    return Buffer.concat([Buffer.from([0x82, mask | 126, payload >> 8, payload & 0xff, ...key]), body])
  const length = Buffer.alloc(8)
  length.writeBigUInt64BE(BigInt(payload))
  return Buffer.concat([Buffer.from([0x82, mask | 127]), length, Buffer.from(key), body])
}

test('frames of every length are followed, however they are cut', () => {
  for (const payload of [0, 1, 125, 126, 127, 65535, 65536, 100_000]) {
    for (const masked of [false, true]) {
      const bytes = Buffer.concat([frame(payload, masked), frame(3, masked)])
      const ends = new Set([0, frame(payload, masked).length, bytes.length])
      for (const cut of [1, 2, 3, 7, 1000, bytes.length]) {
        const follower = new FrameFollower()
        assert.equal(follower.atBoundary, true)
        for (let at = 0; at < bytes.length; at += cut) {
          follower.follow(bytes.subarray(at, at + cut))
          const now = Math.min(at + cut, bytes.length)
          assert.equal(follower.atBoundary, ends.has(now), `${payload} ${masked} ${cut} ${now}`)
        }
      }
    }
  }
})

test('a close frame with 1001, masked towards servers', () => {
  assert.deepEqual([...closeFrame(false)], [0x88, 0x02, 0x03, 0xe9])
  assert.deepEqual([...closeFrame(true)], [0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe9])
  const follower = new FrameFollower()
  follower.follow(closeFrame(true))
  assert.equal(follower.atBoundary, true)
})
