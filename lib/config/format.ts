import { sectionTitle } from './ini.js'
import { type Config, defaultsSchema, entrySchema, listenSchema, type SectionSchema } from './schema.js'
import { eachItem, ValueProblem } from './section.js'

/**
 * A configuration as the text of a file; `parseConfig` turns it into an equal object, in its canonical form.
 * `httpProxy` has no counterpart in a file, and is left out.
 *
 * @throws ValueProblem or ValueProblems for an object that `resolveConfig` would refuse.
 */
export function formatConfig(config: Config): string {
  const sections = [
    ...(config.defaults === undefined ? [] : [formatSection(defaultsSchema, config.defaults)]),
    ...eachItem(config.entries ?? [], (entry) => formatSection(entrySchema, entry, entry.name)),
    ...eachItem(config.listen ?? [], (listen) => formatSection(listenSchema, listen)),
  ]
  return sections.join('\n')
}

function formatSection(schema: SectionSchema, source: object, label = ''): string {
  const lines = Object.entries(source).flatMap(([name, value]) => {
    if (value === undefined || (schema === entrySchema && name === 'name')) return []
    const option = schema.options.get(name)
    if (option === undefined) throw new ValueProblem(`unknown key "${name}"`)
    return option.type.format(option.type.accept(value)).map((text) => `${option.key} ${text}\n`)
  })
  return `${sectionTitle(schema.name, label)}\n${lines.join('')}`
}
