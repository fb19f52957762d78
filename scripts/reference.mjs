// Writes docs/configuration.md: the prose of reference.head.md, then the keys of every section from the option tables.
// With --check, only tells whether the page is up to date.
import { readFileSync, writeFileSync } from 'node:fs'
import { balancerAliases, balancerNames } from '../dist/balancers/registry.js'
import { sectionSchemas } from '../dist/config/schema.js'

const page = new URL('../docs/configuration.md', import.meta.url)
const head = readFileSync(new URL('reference.head.md', import.meta.url), 'utf8')
const text = `${head}${sectionSchemas.map(section).join('\n')}\n${balancers()}`

if (!process.argv.includes('--check')) {
  writeFileSync(page, text)
} else if (read(page) !== text) {
  console.error('docs/configuration.md is stale; run "npm run build && node scripts/reference.mjs".')
  process.exit(1)
}

/** A key that entries inherit is described once, in the table of the entries. */
function section(schema) {
  const rows = [...schema.options].filter(([, option]) => schema.property !== 'defaults' || option.scope === 'defaults')
  const lead = {
    defaults: 'Here stand all keys of `[PROXY_ENTRY]` but those marked °, and these:\n\n',
    entries: 'Keys marked ° belong to an entry alone; the others may also stand in `[PROXY_DEFAULTS]`.\n\n',
  }
  const lines = rows.map(([name, option]) => `| ${cells(name, option).map(escapeCell).join(' | ')} |`)
  const header = '| key | in an object | value | default | meaning |\n|---|---|---|---|---|\n'
  return `## [${schema.name}]\n\n${schema.doc}\n\n${lead[schema.property] ?? ''}${header}${lines.join('\n')}\n`
}

function cells(name, option) {
  const { type } = option
  const names = [option.key, ...(option.aliases ?? [])].map((key) => `\`${key}\``).join(', ')
  const value = type.merge === undefined ? type.describe : `${type.describe}; repeatable`
  return [`${names}${option.scope === 'entry' ? '°' : ''}`, `\`${name}\``, value, defaultOf(option), option.doc]
}

function defaultOf(option) {
  if (option.default === undefined) return option.defaultText
  const written = option.type.format(option.default).join(' ')
  return option.defaultText ?? (written === 'none' ? written : `\`${written}\``)
}

function balancers() {
  const rows = balancerNames().map((name) => {
    const aliases = balancerAliases(name).map((alias) => `\`${alias}\``)
    return `| \`${name}\` | ${aliases.join(', ')} |`
  })
  const lead = 'What `LoadBalance` may name. Case, spaces, `-` and `_` do not count.'
  return `## Balancers\n\n${lead}\n\n| name | also |\n|---|---|\n${rows.join('\n')}\n`
}

function escapeCell(cell) {
  return cell.replaceAll('|', '\\|')
}

function read(file) {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}
