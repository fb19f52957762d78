// Runs the compiled tests with Node's own test runner: all of them, or those whose path contains one of the arguments.
import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'

const root = 'dist-test'
const files = readdirSync(root, { recursive: true })
  .map(String)
  .filter((file) => file.endsWith('.test.js'))
  .map((file) => join(root, file))
const wanted = process.argv.slice(2)
const chosen = wanted.length > 0 ? files.filter((file) => wanted.some((part) => file.includes(part))) : files
if (chosen.length === 0) {
  console.error(`No compiled test matches ${wanted.join(', ') || '*'}; run "npm run pretest" first.`)
  process.exit(1)
}
const run = spawnSync(
  process.execPath,
  [
    '--enable-source-maps',
    '--test',
    '--test-reporter=spec',
    '--test-concurrency=2',
    '--test-timeout=120000',
    ...chosen.sort(),
  ],
  { stdio: 'inherit' },
)
process.exit(run.status ?? 1)
