import assert from 'node:assert/strict'
import { test } from 'node:test'
import express from 'express'
import { createProxy } from '#lib/create.js'

const entries = [{ match: '/*', serverList: '127.0.0.1:1' }]

test('attach refuses what is no server, and says what it takes', () => {
  const proxy = createProxy({ entries }, { logger: false })
  for (const wrong of [express(), undefined, null, 8080, {}, () => {}]) {
    assert.throws(() => proxy.attach(wrong as never), { name: 'TypeError', message: /app\.listen\(\) returns/ })
  }
})

test('a logger that is none is refused before anything is logged', () => {
  for (const logger of [{}, { info: () => {} }, true, 7]) {
    assert.throws(() => createProxy({ entries }, { logger: logger as never }), { message: /info, warn and error/ })
  }
})
