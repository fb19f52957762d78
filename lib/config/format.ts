import { withoutCredentials } from '../discovery/registry-url.js'
import { sectionTitle } from './ini.js'
import { type ClusterConfig, type Config, type SectionSchema, sectionSchemas } from './schema.js'
import { eachItem, ValueProblem } from './section.js'

/**
 * A configuration as the text of a file; `parseConfig` turns it into an equal object, in its canonical form.
 * `httpProxy` has no counterpart in a file, and is left out.
 *
 * @throws ValueProblem or ValueProblems for an object that `resolveConfig` would refuse.
 */
export function formatConfig(config: Config): string {
  const sections = sectionSchemas.flatMap((schema) => {
    const given = config[schema.property]
    if (given === undefined) return []
    // Of a repeated section each has its problems told.
    const list = Array.isArray(given) ? (given as readonly object[]) : [given as object]
    return eachItem(list, (section) => formatSection(schema, section, labelOf(schema, section)))
  })
  return sections.join('\n')
}

/** What nobody is to see who may see the rest: keys and tokens. Names of files stay. */
const secrets: ReadonlySet<string> = new Set(['token', 'upstreamKey', 'certificateKey', 'registryKey'])

/** The configuration to be shown: what is secret is left out. */
export function withoutSecrets(config: Config): Config {
  const cleaned = <Section extends object>(section: Section): Section =>
    Object.fromEntries(Object.entries(section).filter(([name, value]) => !isSecret(name, value))) as Section
  return {
    ...config,
    ...(config.defaults === undefined ? {} : { defaults: cleaned(config.defaults) }),
    ...(config.entries === undefined ? {} : { entries: config.entries.map(cleaned) }),
    ...(config.listen === undefined ? {} : { listen: config.listen.map(cleaned) }),
    ...(config.management === undefined ? {} : { management: cleaned(config.management) }),
    ...(config.workers === undefined ? {} : { workers: cleaned(config.workers) }),
    ...(config.cluster === undefined ? {} : { cluster: withoutUser(cleaned(config.cluster)) }),
  }
}

/** Where the registry is, and not who asks there. */
function withoutUser(cluster: ClusterConfig): ClusterConfig {
  const { registry } = cluster
  return typeof registry === 'string' ? { ...cluster, registry: withoutCredentials(registry) } : cluster
}

function isSecret(name: string, value: unknown): boolean {
  return secrets.has(name) && (name === 'token' || String(value).includes('-----BEGIN '))
}

function labelOf(schema: SectionSchema, section: object): string | undefined {
  return schema.labelled === true ? (section as { name?: string }).name : undefined
}

function formatSection(schema: SectionSchema, source: object, label = ''): string {
  const lines = Object.entries(source).flatMap(([name, value]) => {
    if (value === undefined || (schema.labelled === true && name === 'name')) return []
    const option = schema.options.get(name)
    if (option === undefined) throw new ValueProblem(`unknown key "${name}"`)
    return option.type.format(option.type.accept(value)).map((text) => `${option.key} ${text}\n`)
  })
  return `${sectionTitle(schema.name, label)}\n${lines.join('')}`
}
