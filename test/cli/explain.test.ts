import assert from 'node:assert/strict'
import { test } from 'node:test'
import { folder, run } from '../support/process.js'

const conf = `[PROXY_DEFAULTS]
StatisticsURL /status
[PROXY_ENTRY admin]
Host admin.example.com
Match /*
ServerList 127.0.0.1:9101
[PROXY_ENTRY upload]
Method POST PUT
Match /upload/*
ServerList 127.0.0.1:9102
[PROXY_ENTRY pages]
Match ^/old/
Match *.html
ServerList 127.0.0.1:9103*3 127.0.0.1:9104
BackupList 127.0.0.1:9105
StripPrefix /site
SetRequestHeader X-Site main
`

async function explain(t: Parameters<typeof folder>[0], ...args: string[]) {
  return run(['explain', ...args], { cwd: folder(t, { 'proxy.conf': conf }) })
}

test('each entry, why it does not take the request, and the rule of the one that does', async (t) => {
  const { code, stdout } = await explain(t, 'GET', '/site/a/../b.html?x=1')
  assert.equal(code, 0)
  assert.equal(
    stdout,
    `GET /site/b.html on host localhost

  ✗  admin   proxy.conf:3:1   not its Host
  ✗  upload  proxy.conf:7:1   not its Method
  ✓  pages   proxy.conf:11:1  its pattern *.html at proxy.conf:13:7

balancer Round-Robin
   75 %  127.0.0.1:9103  eligible, weight 3
   25 %  127.0.0.1:9104  eligible
    0 %  127.0.0.1:9105  waiting as a backup

sent to the server
  GET /a/../b.html?x=1
  Host: localhost
  X-Forwarded-For: 127.0.0.1
  X-Forwarded-Host: localhost
  X-Forwarded-Proto: http
  X-Forwarded-Port: 80
  Via: 1.1 pointsman
  X-Site: main
`,
  )
})

test('fields and the address of the client count', async (t) => {
  const { code, stdout } = await explain(
    t,
    '-H',
    'Host: admin.example.com',
    '-H',
    'X-A: 1',
    '--client',
    '10.0.0.7',
    '/x',
  )
  assert.equal(code, 0)
  assert.match(stdout, /✓ {2}admin/)
  assert.match(stdout, /^ {2}X-A: 1$/m)
  assert.match(stdout, /X-Forwarded-For: 10\.0\.0\.7/)
})

test('a request that nobody takes', async (t) => {
  const { code, stdout } = await explain(t, 'POST', '/nothing')
  assert.equal(code, 1)
  assert.match(stdout, /✗ {2}upload {2}proxy\.conf:7:1 {3}none of its patterns matches/)
  assert.match(stdout, /no entry takes it: 404/)
})

test('a path with two meanings', async (t) => {
  const { code, stdout } = await explain(t, 'GET', '/old/..%2fx')
  assert.equal(code, 1)
  assert.match(stdout, /refused with 400: the path can be read in several ways/)
  assert.match(stdout, / → /)
})

test('the page of the proxy itself', async (t) => {
  const { code, stdout } = await explain(t, 'GET', '/status')
  assert.equal(code, 1)
  assert.match(stdout, /the proxy answers it itself: StatisticsURL/)
})

test('--json is the object', async (t) => {
  const { code, stdout } = await explain(t, '--json', 'GET', 'http://admin.example.com/x')
  assert.equal(code, 0)
  const explanation = JSON.parse(stdout)
  assert.equal(explanation.outcome, 'entry')
  assert.equal(explanation.host, 'admin.example.com')
  assert.deepEqual(
    explanation.entries.map(({ name }: { name: string }) => name),
    ['admin'],
  )
})
