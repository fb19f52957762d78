/** Parts of a page that a program writes: between `<!-- NAME -->` and `<!-- end of NAME -->`. */

import { readFileSync, writeFileSync } from 'node:fs'

/**
 * @param {URL} page
 * @param {Readonly<Record<string, string>>} sections text by name
 */
export function writeSections(page, sections) {
  let text = readFileSync(page, 'utf8')
  for (const [name, section] of Object.entries(sections)) text = replaced(text, name, section, page)
  writeFileSync(page, text)
}

function replaced(text, name, section, page) {
  const begin = `<!-- ${name} -->`
  const end = `<!-- end of ${name} -->`
  const from = text.indexOf(begin)
  const to = text.indexOf(end)
  if (from < 0 || to < from) throw new Error(`${page.pathname} has no "${begin}" and "${end}"`)
  return `${text.slice(0, from + begin.length)}\n\n${section}\n${text.slice(to)}`
}
