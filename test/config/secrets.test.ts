import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatConfig, withoutSecrets } from '#lib/config/format.js'
import { certificates } from '../support/certificates.js'

test('a configuration that is shown holds no token, no password and no key', () => {
  const { key, cert } = certificates().client
  const shown = formatConfig(
    withoutSecrets({
      defaults: { upstreamCertificate: cert, upstreamKey: key },
      entries: [{ match: '/*', serverList: 'a', upstreamCertificate: cert, upstreamKey: key }],
      listen: [{ certificate: cert, certificateKey: key }],
      management: { listen: '8687', token: 'hush1' },
      workers: { listen: '8000', token: 'hush2', certificate: cert, certificateKey: key },
      cluster: { registry: 'etcds://me:hush3@h:2379/p', registryCertificate: cert, registryKey: key },
    }),
  )
  assert.doesNotMatch(shown, /hush|PRIVATE KEY/)
  assert.match(shown, /^Registry etcds:\/\/h:2379\/p$/m)
  assert.match(shown, /^\[WORKERS\]\nListen 8000\n/m)
})

test('names of files with keys stay', () => {
  const shown = formatConfig(withoutSecrets({ workers: { certificate: '/run/c.pem', certificateKey: '/run/k.pem' } }))
  assert.equal(shown, '[WORKERS]\nCertificate /run/c.pem\nCertificateKey /run/k.pem\n')
})
