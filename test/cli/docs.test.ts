import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { run } from '../support/process.js'

const page = readFileSync('docs/command-line.md', 'utf8')

/** The part of the page that is about one command. */
function section(command: string): string {
  return page.split(/^## /m).find((part) => part.startsWith(`${command}\n`)) ?? ''
}

for (const command of ['start', 'check', 'explain', 'tcp', 'demo', 'demo-server']) {
  test(`the page has the usage and the options of ${command}`, async () => {
    const { stdout } = await run([command, '--help'])
    const usage = /Usage: (.*)/.exec(stdout)?.[1] ?? ''
    assert.ok(section(command).includes(`\`${usage}\``), usage)
    const options = [...stdout.matchAll(/^ {2}(?:-\w, {1}| {4})(--[\w-]+)/gm)].map(([, name]) => name)
    const described = [...section(command).matchAll(/^\| .*?`(--[\w-]+)/gm)].map(([, name]) => name)
    assert.deepEqual(
      described,
      options.filter((name) => name !== '--help'),
    )
  })
}

test('the example of explain is what explain says', async () => {
  const { stdout } = await run(['explain', '-c', 'proxy.conf.example', 'GET', '/shop/logo.png'])
  const shown = /```text\n(GET [^`]*)```/.exec(page)?.[1] ?? ''
  // Places move when the example changes.
  const withoutPlaces = (text: string): string => text.replace(/proxy\.conf(?:\.example)?:\d+:\d+ */g, 'PLACE ')
  assert.equal(withoutPlaces(stdout), withoutPlaces(shown))
})
