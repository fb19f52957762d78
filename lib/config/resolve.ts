/** Configuration objects, whoever made them, to what the parts of the proxy work with. */

import { readFileSync } from 'node:fs'
import { resolve as resolvePath } from 'node:path'
import { namedSources } from '../pool/source.js'
import { Diagnostics, formatPlace, type Place } from './diagnostics.js'
import { reasonOf, reportProblems, sectionTitle } from './ini.js'
import { configOrigin, type SectionOrigin, sectionOrigin } from './origin.js'
import type { ResolvedConfig, ResolvedEntry } from './resolved.js'
import {
  type ClusterOptions,
  type Config,
  clusterContradictions,
  clusterSchema,
  defaultsSchema,
  type EntryOptions,
  entryContradictions,
  entryOptions,
  entrySchema,
  type ListenOptions,
  type LogOptions,
  listenContradictions,
  listenSchema,
  logSchema,
  type ManagementOptions,
  managementContradictions,
  managementSchema,
  type SectionSchema,
  sectionSchemas,
  unknownName,
  type WorkersOptions,
  workersContradictions,
  workersSchema,
} from './schema.js'
import { type Contradiction, type Option, type ResolveContext, show, ValueProblem } from './section.js'
import { unknown } from './suggest.js'

/**
 * Checks a configuration object and makes it ready to work with. What `parseConfig` returned keeps its places, so
 * that messages name file and line.
 *
 * @throws ConfigError with every problem at once.
 */
export function resolveConfig(config: Config): ResolvedConfig {
  const diagnostics = new Diagnostics()
  const resolved = checkConfig(config, diagnostics)
  diagnostics.throwIfAny()
  return resolved
}

/** The same, with problems collected; what is returned is of use only if there was none. */
export function checkConfig(config: unknown, diagnostics: Diagnostics): ResolvedConfig {
  return new Resolver(diagnostics).config(config)
}

type Values = Map<string, unknown>

/** A section object on its way. */
interface Section {
  readonly schema: SectionSchema
  readonly source: object
  readonly path: string
  readonly title: string
  readonly origin: SectionOrigin | undefined
  readonly values: Values
  /** Given, but not sound. */
  readonly failed: Set<string>
}

class Resolver {
  readonly #diagnostics: Diagnostics
  readonly #files = new Set<string>()
  readonly #context: ResolveContext
  #tableDefaults: Values | undefined
  /** There is a management API through which servers can be added, or a registry. */
  #fed = false

  constructor(diagnostics: Diagnostics) {
    this.#diagnostics = diagnostics
    this.#context = {
      readFile: (path) => {
        this.#files.add(resolvePath(path))
        try {
          return readFileSync(path)
        } catch (error) {
          throw new ValueProblem(`cannot read ${path}: ${reasonOf(error)}`)
        }
      },
    }
  }

  config(source: unknown): ResolvedConfig {
    const config = this.#object(source, 'configuration') ? source : {}
    for (const key of Object.keys(config)) {
      const known = sectionSchemas.map(({ property }) => property as string)
      if (!known.includes(key)) this.#diagnostics.add({ path: key }, '', unknown('key', key, known))
    }
    const { defaults, entries, listen, management, workers, cluster, log } = config as Record<string, unknown>
    for (const file of configOrigin(config)?.files ?? []) this.#files.add(file)
    const managed = this.#single<ManagementOptions>(managementSchema, management, managementContradictions)
    const clustered = this.#single<ClusterOptions>(clusterSchema, cluster, clusterContradictions)
    this.#fed = managed.listen !== undefined || clustered.registry !== undefined
    const inherited = this.#section(defaultsSchema, defaults ?? {}, 'defaults')
    const resolvedEntries = this.#list(entries, 'entries').map((entry, index) => this.#entry(entry, index, inherited))
    this.#checkNames(resolvedEntries)
    if (workers === undefined) this.#checkWorkers(resolvedEntries)
    if (resolvedEntries.length === 0 && this.#diagnostics.list.length === 0) this.#reportEmpty(config)
    const listeners = this.#list(listen, 'listen').map((each, index) => this.#listen(each, index))
    return {
      defaults: this.#entryOptions(inherited, undefined),
      entries: resolvedEntries,
      listen: listeners.length > 0 ? listeners : [this.#listen({}, 0)],
      management: managed,
      workers: this.#single<WorkersOptions>(workersSchema, workers, workersContradictions),
      cluster: clustered,
      log: this.#single<LogOptions>(logSchema, log),
      files: [...this.#files],
    }
  }

  #reportEmpty(config: object): void {
    const origin = configOrigin(config)
    if (origin === undefined) this.#diagnostics.add({ path: 'entries' }, '', 'no entry')
    else this.#diagnostics.add({ file: origin.file, line: 1, column: 1 }, '', 'no [PROXY_ENTRY]')
  }

  #object(value: unknown, path: string): value is object {
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return true
    this.#diagnostics.add({ path }, '', `expected an object, not ${show(value)}`)
    return false
  }

  #list(value: unknown, path: string): readonly unknown[] {
    if (value === undefined) return []
    if (Array.isArray(value)) return value
    this.#diagnostics.add({ path }, '', `expected a list of objects, not ${show(value)}`)
    return []
  }

  #section(schema: SectionSchema, value: unknown, path: string): Section {
    const source = this.#object(value, path) ? value : {}
    const label = schema === entrySchema ? (source as { name?: unknown }).name : undefined
    const section: Section = {
      schema,
      source,
      path,
      title: sectionTitle(schema.name, typeof label === 'string' ? label : ''),
      origin: sectionOrigin(source),
      values: new Map(),
      failed: new Set(),
    }
    for (const name of section.origin?.failed ?? []) section.failed.add(name)
    for (const [name, given] of Object.entries(source)) {
      if (given === undefined || (schema === entrySchema && name === 'name')) continue
      this.#value(section, name, given)
    }
    return section
  }

  #value(section: Section, name: string, given: unknown): void {
    const option = section.schema.options.get(name)
    if (option === undefined) {
      const message = unknownName(section.schema, name)
      this.#diagnostics.add({ path: `${section.path}.${name}` }, section.title, message)
      return
    }
    try {
      section.values.set(name, option.type.resolve(option.type.accept(given), this.#context))
    } catch (error) {
      section.failed.add(name)
      reportProblems(error, ({ message, at }) => {
        this.#diagnostics.add(placeOf(section, name, at), section.title, message)
      })
    }
  }

  #entry(value: unknown, index: number, inherited: Section): ResolvedEntry {
    const section = this.#section(entrySchema, value, `entries[${index}]`)
    const place = section.origin?.place ?? { path: section.path }
    const options = this.#entryOptions(inherited, section)
    this.#require(section, section.values.has('match') || section.failed.has('match'), 'Match')
    const listed = [section, inherited].some(
      ({ values, failed }) => values.has('serverList') || failed.has('serverList'),
    )
    // Servers may also come from elsewhere.
    this.#require(section, listed || this.#fed, 'ServerList')
    this.#contradictions([section, inherited], entryContradictions(options))
    return {
      name: this.#name(section, index),
      isLabelled: (section.source as { name?: unknown }).name !== undefined,
      options,
      place,
      patternPlaces: options.match.map((_, at) => placeOf(section, 'match', at)),
    }
  }

  #require(section: Section, given: boolean, key: string): void {
    if (given) return
    const place = section.origin?.place ?? { path: section.path }
    this.#diagnostics.add(place, section.title, `${key} is missing`)
  }

  #name({ source, origin, path, title }: Section, index: number): string {
    const { name } = source as { name?: unknown }
    if (name === undefined) return `entry ${index + 1}`
    // What a file can hold as a label.
    if (typeof name === 'string' && /^[^\s[\]](?:[^[\]\p{Cc}]*[^\s[\]])?$/u.test(name)) return name
    const message = `bad name ${show(name)}; a name is text without brackets, control characters and spaces around it`
    this.#diagnostics.add(origin?.place ?? { path: `${path}.name` }, title, message)
    return `entry ${index + 1}`
  }

  #checkNames(entries: readonly ResolvedEntry[]): void {
    const seen = new Map<string, Place>()
    for (const { name, place } of entries) {
      const first = seen.get(name)
      if (first === undefined) seen.set(name, place)
      else {
        const message = `the name "${name}" is taken by the entry at ${formatPlace(first)}`
        this.#diagnostics.add(place, sectionTitle(entrySchema.name, name), message)
      }
    }
  }

  /** Workers need somewhere to dial in. */
  #checkWorkers(entries: readonly ResolvedEntry[]): void {
    for (const { name, isLabelled, place, options } of entries) {
      const sources = namedSources([...options.serverList, ...options.backupList])
      const worker = sources.find(({ source }) => source.kind === 'worker')?.source.id
      if (worker === undefined) continue
      const title = sectionTitle(entrySchema.name, isLabelled ? name : '')
      this.#diagnostics.add(
        place,
        title,
        `${worker}: workers have nowhere to dial in; add [WORKERS] with Listen 127.0.0.1:8000`,
      )
    }
  }

  /** Whatever the entry does not set it takes from the defaults, and those from the tables. */
  #entryOptions(inherited: Section, own: Section | undefined): EntryOptions {
    this.#tableDefaults ??= this.#defaultsOf(entryOptions)
    const values: Values = new Map([...this.#tableDefaults, ...inherited.values, ...(own?.values ?? [])])
    for (const name of ['match', 'serverList']) if (!values.has(name)) values.set(name, [])
    if (values.get('offlineTimeOut') === 0) values.set('highAvailability', false)
    return Object.fromEntries(
      [...entryOptions.keys()].map((name) => [name, values.get(name)]),
    ) as unknown as EntryOptions
  }

  #listen(value: unknown, index: number): ListenOptions {
    return this.#whole(listenSchema, value, `listen[${index}]`, listenContradictions)
  }

  #single<Options>(
    schema: SectionSchema,
    value: unknown,
    contradictions?: (options: Options) => readonly Contradiction[],
  ): Options {
    return this.#whole(schema, value ?? {}, schema.property, contradictions)
  }

  /** A section that inherits nothing. */
  #whole<Options>(
    schema: SectionSchema,
    value: unknown,
    path: string,
    contradictions: (options: Options) => readonly Contradiction[] = () => [],
  ): Options {
    const section = this.#section(schema, value, path)
    const values = new Map([...this.#defaultsOf(schema.options), ...section.values])
    const names = [...schema.options.keys()]
    const options = Object.fromEntries(names.map((name) => [name, values.get(name)])) as unknown as Options
    this.#contradictions([section], contradictions(options))
    return options
  }

  #defaultsOf(options: ReadonlyMap<string, Option<unknown, unknown>>): Values {
    const given = [...options].filter(([, option]) => option.default !== undefined)
    return new Map(given.map(([name, option]) => [name, option.type.resolve(option.default, this.#context)]))
  }

  /** Blames the section that gave the option; where a part of the pair is broken itself, that is what is reported. */
  #contradictions(sections: readonly Section[], found: readonly Contradiction[]): void {
    if (sections.some(({ failed }) => failed.size > 0)) return
    for (const { option, message } of found) {
      const blamed = sections.find(({ values }) => values.has(option)) ?? sections[0]!
      this.#diagnostics.addOnce(placeOf(blamed, option), blamed.title, message)
    }
  }
}

function placeOf({ origin, path }: Section, name: string, at?: number | string): Place {
  const known = origin?.options.get(name)
  if (known !== undefined) return (at === undefined ? undefined : known.items.get(at)) ?? known.place
  if (at === undefined) return { path: `${path}.${name}` }
  return { path: `${path}.${name}${typeof at === 'number' ? `[${at}]` : `[${JSON.stringify(at)}]`}` }
}
