import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { systemClock } from '#lib/clock.js'
import { watchFiles } from '#lib/config/watch.js'

function temporaryFolder(context: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'pointsman-'))
  context.after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** Watches; `next` waits for a change to be told, and fails if none is. */
function watching(context: TestContext, files: string[]): { count(): number; next(): Promise<void> } {
  let told = 0
  let awaited = 0
  const watch = watchFiles(files, () => told++, systemClock)
  context.after(() => watch.close())
  return {
    count: () => told,
    async next() {
      awaited++
      for (let tries = 0; told < awaited && tries < 200; tries++) await sleep(20)
      assert.equal(told, awaited)
    },
  }
}

test('a file that is written, replaced, removed, and comes back', async (context) => {
  const folder = temporaryFolder(context)
  const file = join(folder, 'proxy.conf')
  writeFileSync(file, 'one')
  const watch = watching(context, [file])
  writeFileSync(file, 'two, longer')
  await watch.next()
  writeFileSync(join(folder, 'proxy.conf.new'), 'three')
  renameSync(join(folder, 'proxy.conf.new'), file)
  await watch.next()
  rmSync(file)
  await watch.next()
  writeFileSync(file, 'four')
  await watch.next()
})

test('several writes in a row are one change, and other files of the folder none', async (context) => {
  const folder = temporaryFolder(context)
  const file = join(folder, 'proxy.conf')
  writeFileSync(file, '')
  const watch = watching(context, [file])
  for (let size = 1; size <= 5; size++) {
    writeFileSync(file, 'x'.repeat(size))
    await sleep(10)
  }
  await watch.next()
  writeFileSync(join(folder, 'other'), 'x')
  await sleep(250)
  assert.equal(watch.count(), 1)
})

test('the swap of a link on the way to the file, as Kubernetes does it', async (context) => {
  const folder = temporaryFolder(context)
  for (const version of ['..v1', '..v2', '..v3']) {
    mkdirSync(join(folder, version))
    writeFileSync(join(folder, version, 'proxy.conf'), version)
  }
  const swap = (version: string): void => {
    symlinkSync(version, join(folder, '..data_tmp'))
    renameSync(join(folder, '..data_tmp'), join(folder, '..data'))
  }
  swap('..v1')
  symlinkSync('..data/proxy.conf', join(folder, 'proxy.conf'))
  const watch = watching(context, [join(folder, 'proxy.conf')])
  swap('..v2')
  await watch.next()
  swap('..v3')
  await watch.next()
  writeFileSync(join(folder, '..v3', 'proxy.conf'), 'written through the link')
  await watch.next()
})

test('a folder changes when a file of it comes or goes', async (context) => {
  const folder = temporaryFolder(context)
  const watch = watching(context, [folder])
  writeFileSync(join(folder, '20.conf'), '')
  await watch.next()
  rmSync(join(folder, '20.conf'))
  await watch.next()
})

test('a folder that does not exist yet', async (context) => {
  const folder = join(temporaryFolder(context), 'conf.d')
  const watch = watching(context, [join(folder, 'a.conf')])
  mkdirSync(folder)
  await sleep(250)
  writeFileSync(join(folder, 'a.conf'), '')
  await watch.next()
})

test('nothing is told after close, which may come twice', async (context) => {
  const file = join(temporaryFolder(context), 'proxy.conf')
  writeFileSync(file, 'one')
  let told = 0
  const watch = watchFiles([file], () => told++, systemClock)
  writeFileSync(file, 'two, longer')
  await sleep(20)
  watch.close()
  watch.close()
  await sleep(250)
  assert.equal(told, 0)
})
