import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type ClientFacts, clientFacts, peerAddress } from '#lib/forward/client.js'
import type { TrustedPeers } from '#lib/forward/trust.js'
import { incoming } from '../support/incoming.js'

const nobody: TrustedPeers = { trusts: () => false }
const private_: TrustedPeers = { trusts: (address) => /^(?:10\.|::ffff:10\.|fd)/.test(address ?? '') }

function facts(
  fields: string[],
  given: Parameters<typeof incoming>[0] = {},
  trust: TrustedPeers = private_,
): ClientFacts {
  return clientFacts(incoming({ peer: '10.0.0.1', fields, ...given }), 'shop.test:8080', trust)
}

test('the peer of the connection', () => {
  assert.equal(peerAddress(incoming({ peer: '::ffff:192.0.2.1' })), '192.0.2.1')
  assert.equal(peerAddress(incoming({ peer: '2001:db8::1' })), '2001:db8::1')
  assert.equal(peerAddress(incoming({ peer: undefined })), '')
})

test('an untrusted peer is the client, whatever it says', () => {
  const lies = [
    'X-Forwarded-For',
    '6.6.6.6',
    'X-Forwarded-Proto',
    'https',
    'X-Forwarded-Host',
    'evil',
    'X-Forwarded-Port',
    '1',
    'Forwarded',
    'for=6.6.6.6',
  ]
  assert.deepEqual(facts(lies, {}, nobody), {
    address: '10.0.0.1',
    proto: 'http',
    host: 'shop.test:8080',
    port: '8080',
    trusted: false,
  })
  assert.deepEqual(facts([], { encrypted: true }, nobody).proto, 'https')
})

test('X-Forwarded-For is followed back as far as it was written by the trusted', () => {
  const cases: [chain: string, address: string][] = [
    ['', '10.0.0.1'],
    ['6.6.6.6', '6.6.6.6'],
    ['6.6.6.6, 7.7.7.7', '7.7.7.7'],
    ['6.6.6.6, 7.7.7.7, 10.9.9.9', '7.7.7.7'],
    ['10.1.1.1, 10.2.2.2', '10.1.1.1'],
    ['6.6.6.6,10.9.9.9:1234', '6.6.6.6'],
    ['[2001:db8::7]:99, 10.9.9.9', '2001:db8::7'],
    ['2001:db8::7', '2001:db8::7'],
    ['6.6.6.6, unknown', '10.0.0.1'],
    ['6.6.6.6, _secret, 10.9.9.9', '10.9.9.9'],
    ['6.6.6.6, <script>', '10.0.0.1'],
    ['6.6.6.6,', '10.0.0.1'],
  ]
  for (const [chain, address] of cases) {
    assert.equal(facts(chain === '' ? [] : ['X-Forwarded-For', chain]).address, address, chain)
  }
  assert.equal(facts(['X-Forwarded-For', '6.6.6.6', 'x-forwarded-for', '7.7.7.7, 10.1.1.1']).address, '7.7.7.7')
})

test('Forwarded is read where there is no X-Forwarded-For', () => {
  const element = 'for="[2001:db8::1]:4711";proto=HTTPS;host="a.test:8443";by=x, for=10.2.2.2'
  const { address, proto, host, port } = facts([
    'Forwarded',
    element.replace('for=10.2.2.2', 'for=10.2.2.2;proto=https;host="a.test:8443"'),
  ])
  assert.deepEqual([address, proto, host, port], ['2001:db8::1', 'https', 'a.test:8443', '8443'])
  assert.equal(facts(['Forwarded', 'for=6.6.6.6;x="a,b;for=7.7.7.7"']).address, '6.6.6.6')
  assert.equal(facts(['Forwarded', 'for=_hidden']).address, '10.0.0.1')
})

test('a client cannot get a Forwarded believed through a proxy that writes X-Forwarded-For', () => {
  const { address, proto, host } = facts([
    'Forwarded',
    'for=6.6.6.6;proto=https;host=evil',
    'X-Forwarded-For',
    '7.7.7.7',
  ])
  assert.deepEqual([address, proto, host], ['7.7.7.7', 'http', 'shop.test:8080'])
})

test('protocol, host and port as a trusted proxy says', () => {
  const said = facts(['X-Forwarded-Proto', 'HTTPS', 'X-Forwarded-Host', 'a.test', 'X-Forwarded-Port', '8443'])
  assert.deepEqual([said.proto, said.host, said.port], ['https', 'a.test', '8443'])
  assert.equal(facts(['X-Forwarded-Proto', 'https']).port, '8080')
  assert.equal(facts(['X-Forwarded-Proto', 'https', 'X-Forwarded-Host', 'a.test']).port, '443')
  assert.equal(facts(['X-Forwarded-Proto', 'javascript']).proto, 'http')
})
