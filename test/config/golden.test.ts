import assert from 'node:assert/strict'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { ConfigError, formatDiagnostic } from '#lib/config/diagnostics.js'
import { loadConfig, resolveConfig } from '#lib/config/load.js'

// Each *.conf stands beside the configuration (.json) or the diagnostics that it gives. UPDATE_GOLDEN=1 writes them.
const folder = 'test/config/golden'
// biome-ignore lint/suspicious/noTemplateCurlyInString: the notation for variables is what is tested.
const env = { NAME: 'name', SPACED: 'two  words', EMPTY: '', SERVERS: 'a:80 b:81', HOSTILE: '"; # \\ ${NAME}' }

for (const file of readdirSync(folder).filter((name) => name.endsWith('.conf'))) {
  test(file, () => {
    const path = `${folder}/${file}`
    const { extension, text } = outcome(path)
    const expected = path.replace(/conf$/, extension)
    if (process.env.UPDATE_GOLDEN === '1') writeFileSync(expected, text)
    const golden = readFileSync(expected, 'utf8')
    if (extension === 'json') assert.deepEqual(JSON.parse(text), JSON.parse(golden))
    else assert.equal(text, golden)
  })
}

function outcome(path: string): { extension: string; text: string } {
  try {
    const config = loadConfig(path, { env })
    resolveConfig(config)
    return { extension: 'json', text: `${JSON.stringify(config, null, 2)}\n` }
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error))
    const lines = error.diagnostics.map((each) => `${formatDiagnostic(each)}\n`).join('')
    return { extension: 'diagnostics', text: lines.replaceAll(process.cwd(), '.') }
  }
}
