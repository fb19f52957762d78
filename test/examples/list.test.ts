import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { exampleFile } from './program.js'

test('examples/README.md links every example, and nothing else', () => {
  const page = readFileSync(exampleFile('README.md'), 'utf8')
  const links = [...page.matchAll(/\]\(([^)]+)\)/g)].map(([, target = '']) => target.replace(/\/.*/, ''))
  const files = readdirSync(exampleFile('.')).filter((name) => name !== 'README.md')
  assert.deepEqual([...new Set(links)].sort(), files.sort())
})
