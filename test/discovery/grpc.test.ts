import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { plainDetails } from '#lib/discovery/grpc.js'

test('without its packages it says how to install them', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'pointsman-grpc-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  // A copy that has no packages beside it.
  cpSync(fileURLToPath(new URL('../../dist', import.meta.url)), join(folder, 'dist'), { recursive: true })
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
  const grpc = pathToFileURL(join(folder, 'dist/discovery/grpc.js')).href
  const program = `const { loadGrpc } = await import(${JSON.stringify(grpc)})
    await loadGrpc().catch(({ name, message }) => console.log(name, message))`
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', program], { encoding: 'utf8' })
  assert.equal(
    stdout.trim(),
    'RegistryError Registry needs two packages that are not installed: npm install @grpc/grpc-js @grpc/proto-loader',
    stderr,
  )
})

test('what gRPC says is told without its own inside', () => {
  for (const [details, plain] of [
    [
      'No connection established. Last error: connect ECONNREFUSED 127.0.0.1:1. Resolution note: ',
      'connect ECONNREFUSED 127.0.0.1:1',
    ],
    [
      'No connection established. Last error: Error: unable to verify the first certificate',
      'unable to verify the first certificate',
    ],
    ['Failed to connect (2026-01-01T00:00:00.000Z)', 'Failed to connect'],
    [
      '80DC:error:0A000412:SSL routines:ssl3_read_bytes:sslv3 alert bad certificate:../x.c:1601:SSL alert\n',
      'sslv3 alert bad certificate',
    ],
    ['etcdserver: permission denied', 'permission denied'],
  ] as const) {
    assert.equal(plainDetails(details), plain)
  }
})
