import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hostName } from '#lib/match/host.js'

test('the name alone', () => {
  const table: [string | undefined, string][] = [
    ['example.com', 'example.com'],
    ['Example.COM:8080', 'example.com'],
    ['example.com.', 'example.com'],
    ['example.com.:80', 'example.com'],
    ['[::1]', '::1'],
    ['[2001:DB8::1]:443', '2001:db8::1'],
    ['10.0.0.1:80', '10.0.0.1'],
    ['', ''],
    [undefined, ''],
    ['[broken', '[broken'],
  ]
  for (const [header, name] of table) assert.equal(hostName(header), name)
})
