import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

// Compiled tests stand in dist-test/simulate/.
const program = fileURLToPath(new URL('../../simulate/main.mjs', import.meta.url))

/** A row of a result, without what is there for pictures only. */
export interface Row {
  readonly labels: readonly string[]
  readonly values: Readonly<Record<string, number>>
}

/** What a quick run has written, by the names of the scenarios. */
export type Results = ReadonlyMap<string, readonly Row[]>

/** Runs the simulation with `--quick`. */
export function quickRun(...args: readonly string[]): Results {
  const folder = mkdtempSync(join(tmpdir(), 'pointsman-simulate-'))
  try {
    const file = join(folder, 'results.json')
    const run = spawnSync(process.execPath, [program, '--quick', '--json', file, ...args], { encoding: 'utf8' })
    assert.deepEqual({ status: run.status, stderr: run.stderr }, { status: 0, stderr: '' })
    const { results } = JSON.parse(readFileSync(file, 'utf8')) as { results: { name: string; rows: Row[] }[] }
    return new Map(results.map(({ name, rows }) => [name, rows]))
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** A number of the row that begins, or ends, with these labels. */
export function cell(rows: readonly Row[] | undefined, labels: readonly string[], name: string): number {
  const row = rows?.find((each) => labels.every((label) => each.labels.includes(label)))
  const value = row?.values[name]
  assert.ok(value !== undefined, `no ${name} of ${labels.join(', ')}`)
  return value
}
