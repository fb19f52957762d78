import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { certificates } from '../support/certificates.js'
import { noOpenssl, writeCertificate } from '../support/network.js'
import { folder, run } from '../support/process.js'

test('the example is sound', async () => {
  const { code, stdout, stderr } = await run(['check', '-c', 'proxy.conf.example'])
  assert.deepEqual([code, stderr], [0, ''])
  assert.equal(stdout, 'proxy.conf.example is sound: 2 entries, 5 servers, listening on http://127.0.0.1:8080\n')
})

test('without -c it is proxy.conf of the working directory', async (t) => {
  const cwd = folder(t, { 'proxy.conf': '[PROXY_ENTRY]\nMatch /*\nServerList 127.0.0.1:1\n' })
  const { code, stdout } = await run(['check'], { cwd })
  assert.equal(code, 0)
  assert.match(
    stdout,
    /^proxy\.conf is sound: 1 entry, 1 server, listening on http:\/\/localhost:8080 \(all addresses\)/,
  )
})

test('servers that are not in the file are named by where they come from', async (t) => {
  const text = '[PROXY_ENTRY]\nMatch /a*\nServerList a dns:b:80\n[PROXY_ENTRY]\nMatch /*\nServerList srv:c dns:b:80*2\n'
  const cwd = folder(t, {
    'proxy.conf': text,
    'workers.conf': '[PROXY_ENTRY]\nMatch /*\nServerList worker:*\n[WORKERS]\nListen 0\n',
  })
  const { stdout } = await run(['check'], { cwd })
  assert.match(stdout, /^proxy\.conf is sound: 2 entries, 1 server, servers of dns:b:80 and srv:c, listening on /)
  const workers = await run(['check', '-c', 'workers.conf'], { cwd })
  assert.match(workers.stdout, /^workers\.conf is sound: 1 entry, servers of worker:\*, listening on /)
})

const faulty =
  '[PROXY_ENTRY static]\n\tMatch /*\n\tServerList 127.0.0.1:1 127.0.0.1:99999\n  LoadBalance Round-Robbin\n'

test('every problem is told, with its line and a caret below its column', async (t) => {
  const cwd = folder(t, { 'proxy.conf': faulty })
  const { code, stdout, stderr } = await run(['check'], { cwd })
  assert.deepEqual([code, stdout], [1, ''])
  assert.equal(
    stderr,
    [
      'proxy.conf:3:25: [PROXY_ENTRY static] bad port "99999" in "127.0.0.1:99999"; a port is a number from 1 to 65535',
      '  3 | \tServerList 127.0.0.1:1 127.0.0.1:99999',
      '    | \t                       ^',
      'proxy.conf:4:15: [PROXY_ENTRY static] unknown balancer "Round-Robbin"; did you mean "Round-Robin"?',
      '  4 |   LoadBalance Round-Robbin',
      '    |               ^',
      '2 problems',
      '',
    ].join('\n'),
  )
})

test('colour is for terminals, or where it is asked for', async (t) => {
  const cwd = folder(t, { 'proxy.conf': faulty })
  const sequence = '\u001b['
  assert.ok(!(await run(['check'], { cwd, env: { NO_COLOR: undefined } })).stderr.includes(sequence))
  assert.ok((await run(['check'], { cwd, env: { NO_COLOR: undefined, FORCE_COLOR: '1' } })).stderr.includes(sequence))
  assert.ok(!(await run(['check'], { cwd, env: { NO_COLOR: undefined, FORCE_COLOR: '0' } })).stderr.includes(sequence))
})

test('certificates and keys are looked into', { skip: noOpenssl }, async (t) => {
  const cwd = folder(t, { 'nonsense.pem': '-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----\n' })
  writeCertificate(cwd, certificates().localhost, 'one')
  writeCertificate(cwd, certificates().inner, 'two')
  const tls = async (certificate: string, key: string): Promise<string> => {
    const listen = `[LISTEN]\nAddress https://:8443\nCertificate ${certificate}\nCertificateKey ${key}\n`
    writeFileSync(join(cwd, 'proxy.conf'), `[PROXY_ENTRY]\nMatch /*\nServerList 127.0.0.1:1\n${listen}`)
    const { stdout, stderr } = await run(['check'], { cwd })
    return stdout + stderr
  }
  assert.match(await tls('one.crt', 'one.key'), /is sound.*https:\/\/localhost:8443/)
  assert.match(
    await tls('one.crt', 'two.key'),
    /^proxy\.conf:7:16: \[LISTEN\] the key in \S+two\.key does not belong to the certificate in \S+one\.crt/,
  )
  assert.match(
    await tls('nonsense.pem', 'one.key'),
    /^proxy\.conf:6:13: \[LISTEN\] no certificate can be read from \S+nonsense\.pem/,
  )
  assert.match(
    await tls('one.crt', 'one.crt'),
    /^proxy\.conf:7:16: \[LISTEN\] no private key can be read from \S+one\.crt/,
  )
  assert.match(await tls('missing.crt', 'one.key'), /^proxy\.conf:6:13: \[LISTEN\] cannot read \S+missing\.crt/)
})
