import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { balancerAliases, balancerNames } from '#lib/balancers/registry.js'

// Compiled tests stand in dist-test/docs/.
const page = readFileSync(new URL('../../docs/balancers.md', import.meta.url), 'utf8')

test('docs/balancers.md has a row and a section for every balancer', () => {
  for (const name of balancerNames()) {
    assert.ok(page.includes(`\n| \`${name}\``), `${name} has no row in the table`)
    assert.ok(page.includes(`\n## ${name}\n`), `${name} has no section`)
    for (const alias of balancerAliases(name)) assert.ok(page.includes(`\`${alias}\``), `${alias} is not mentioned`)
  }
})
