import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { errorTable } from '#lib/errors.js'

// Compiled tests stand in dist-test/docs/.
const page = readFileSync(new URL('../../docs/errors.md', import.meta.url), 'utf8')

/** The rows of the page's tables, cell by cell. */
function rows(): string[][] {
  return page
    .split('\n')
    .filter((line) => line.startsWith('| `ERR_'))
    .map((line) => line.slice(2, -2).split(' | '))
}

test('docs/errors.md lists the table of errors, in its order', () => {
  const expected = Object.entries(errorTable).map(([code, { status, fault, retry, proxyStatus }]) => [
    `\`${code}\``,
    String(status),
    fault,
    retry,
    proxyStatus === undefined ? '–' : `\`${proxyStatus}\``,
  ])
  assert.deepEqual(
    rows().map((cells) => cells.slice(0, 5)),
    expected,
  )
})

test('docs/errors.md tells what each error means', () => {
  for (const cells of rows()) {
    assert.equal(cells.length, 6, cells[0])
    assert.match(cells[5] as string, /^[A-Z`].{20,}[.?]$/, cells[0])
  }
})
