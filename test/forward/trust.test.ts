import assert from 'node:assert/strict'
import { test } from 'node:test'
import { trustedPeers } from '#lib/forward/trust.js'

function trusts(list: string[], address: string | undefined): boolean {
  return trustedPeers.resolve(list, {} as never).trusts(address)
}

test('addresses and ranges of both families', () => {
  const cases: [list: string[], address: string | undefined, expected: boolean][] = [
    [[], '127.0.0.1', false],
    [['127.0.0.1'], '127.0.0.1', true],
    [['127.0.0.1'], '127.0.0.2', false],
    [['127.0.0.1'], '::ffff:127.0.0.1', true],
    [['::ffff:127.0.0.1'], '127.0.0.1', true],
    [['10.0.0.0/8'], '10.255.0.1', true],
    [['10.0.0.0/8'], '11.0.0.1', false],
    [['10.0.0.0/8'], '::ffff:10.1.1.1', true],
    [['0.0.0.0/0'], '8.8.8.8', true],
    [['0.0.0.0/0'], '::1', false],
    [['fd00::/8'], 'fd12::1', true],
    [['fe80::/10'], 'fe80::1%eth0', true],
    [['unix'], undefined, true],
    [['unix'], '', true],
    [['10.0.0.0/8'], '', false],
    [['10.0.0.0/8'], 'nonsense', false],
  ]
  for (const [list, address, expected] of cases)
    assert.equal(trusts(list, address), expected, JSON.stringify([list, address]))
})
