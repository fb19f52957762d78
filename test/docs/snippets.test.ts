/**
 * The snippets of the pages. Those in JavaScript and TypeScript are checked against the types of what they import;
 * those in INI are loaded. An HTML comment on the line before one says more:
 *
 * - `<!-- run -->`: the program is run, and has to end well.
 * - `<!-- fails -->`: the configuration has to be refused.
 * - `<!-- part -->`: these are keys of one entry.
 */

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, before, test } from 'node:test'
import { ConfigError } from '#lib/config/diagnostics.js'
import { parseConfig, resolveConfig } from '#lib/config/load.js'
import { pages, root, type Snippet, snippetsOf } from './snippets.js'

const snippets = pages().flatMap(snippetsOf)
const extensions: Record<string, string> = { js: 'mjs', mjs: 'mjs', javascript: 'mjs', ts: 'mts', typescript: 'mts' }
const programs = snippets.filter(({ language }) => language in extensions)
const configurations = snippets.filter(({ language }) => language === 'ini' || language === 'conf')
let folder = ''

function fileOf({ place, language }: Snippet): string {
  return join(folder, `${place.replace(/\W/g, '-')}.${extensions[language]}`)
}

before(() => {
  folder = mkdtempSync(join(tmpdir(), 'pointsman-docs-'))
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
  for (const name of ['pointsman', 'express', 'connect', 'fastify', 'koa', 'ws', '@types']) {
    const link = join(folder, 'node_modules', name)
    mkdirSync(dirname(link), { recursive: true })
    symlinkSync(name === 'pointsman' ? root : join(root, 'node_modules', name), link, 'junction')
  }
  for (const snippet of programs) writeFileSync(fileOf(snippet), snippet.text)
})

after(() => rmSync(folder, { recursive: true }))

test('there are snippets to check', () => {
  assert.ok(programs.length > 0 && configurations.length > 0)
  const known = ['', 'run', 'fails', 'part']
  assert.deepEqual(
    snippets.filter(({ mark }) => !known.includes(mark)),
    [],
  )
})

test('programs: what they import exists, and is used as its types say', () => {
  const options = '--noEmit --allowJs --checkJs --target es2023 --module nodenext --types node --skipLibCheck'
  const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc')
  const args = [compiler, ...options.split(' '), '--strict', '--noImplicitAny', 'false', ...programs.map(fileOf)]
  const { status, stdout } = spawnSync(process.execPath, args, { cwd: folder, encoding: 'utf8' })
  assert.equal(status, 0, stdout)
})

for (const snippet of programs.filter(({ mark }) => mark === 'run')) {
  test(`${snippet.place} runs`, () => {
    const { status, signal, stderr } = spawnSync(process.execPath, [fileOf(snippet)], {
      cwd: folder,
      encoding: 'utf8',
      timeout: 30_000,
    })
    assert.deepEqual({ status, signal }, { status: 0, signal: null }, stderr)
  })
}

for (const { place, mark, text } of configurations) {
  test(`${place} ${mark === 'fails' ? 'is refused' : 'loads'}`, () => {
    const whole = mark === 'part' ? entryWith(text) : text
    if (mark === 'fails') {
      assert.throws(
        () => resolveConfig(parseConfig(text)),
        (error) => error instanceof ConfigError && error.diagnostics.length > 0,
      )
    } else {
      resolveConfig(parseConfig(whole, { env: {} }))
    }
  })
}

for (const { place, text } of snippets.filter(({ language, text }) => language === 'json' && /"entries"/.test(text))) {
  test(`${place} loads`, () => {
    resolveConfig(JSON.parse(text))
  })
}

/** An entry with these keys, and those that it cannot be without. */
function entryWith(keys: string): string {
  const missing = ['Match /*', 'ServerList 127.0.0.1:80'].filter(
    (line) => !new RegExp(`^\\s*${line.split(' ')[0]}\\b`, 'im').test(keys),
  )
  return ['[PROXY_ENTRY]', ...missing, keys].join('\n')
}
