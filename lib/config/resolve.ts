/** Configuration objects, whoever made them, to what the parts of the proxy work with. */

import { readFileSync } from 'node:fs'
import { resolve as resolvePath } from 'node:path'
import { checkTcpAddresses, type TakenAddress } from './clashes.js'
import { Diagnostics, formatPlace } from './diagnostics.js'
import { checkNames, checkWorkers, isLabel, reportEmpty } from './entries.js'
import { placeOf, type Section, type Values } from './given.js'
import { reasonOf, reportProblems, sectionTitle } from './ini.js'
import { configOrigin, sectionOrigin } from './origin.js'
import type { ResolvedConfig, ResolvedEntry, ResolvedTcpEntry } from './resolved.js'
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
  type TcpEntryOptions,
  tcpSchema,
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

class Resolver {
  readonly #diagnostics: Diagnostics
  readonly #files = new Set<string>()
  readonly #context: ResolveContext
  #tableDefaults: Values | undefined
  /** There is a management API through which servers can be added, or a registry. */
  #fed = false
  /** Where something listens that is no TCP entry. */
  readonly #taken: TakenAddress[] = []

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
    const { defaults, entries, tcp, listen, management, workers, cluster, log } = config as Record<string, unknown>
    for (const file of configOrigin(config)?.files ?? []) this.#files.add(file)
    const managed = this.#single<ManagementOptions>(managementSchema, management, managementContradictions)
    const clustered = this.#single<ClusterOptions>(clusterSchema, cluster, clusterContradictions)
    this.#fed = managed.listen !== undefined || clustered.registry !== undefined
    const inherited = this.#section(defaultsSchema, defaults ?? {}, 'defaults')
    const resolvedEntries = this.#list(entries, 'entries').map((entry, index) => this.#entry(entry, index, inherited))
    const tcpEntries = this.#list(tcp, 'tcp').map((entry, index) => this.#tcpEntry(entry, index))
    checkNames(entrySchema.name, resolvedEntries, tcpSchema.name, tcpEntries, this.#diagnostics)
    if (workers === undefined) checkWorkers(resolvedEntries, this.#diagnostics)
    const count = resolvedEntries.length + tcpEntries.length
    if (count === 0 && this.#diagnostics.list.length === 0) reportEmpty(config, this.#diagnostics)
    const servesHttp = resolvedEntries.length > 0 || tcpEntries.length === 0
    const listeners = this.#listeners(listen, servesHttp)
    const taking = this.#single<WorkersOptions>(workersSchema, workers, workersContradictions)
    checkTcpAddresses(tcpEntries, this.#taken, this.#diagnostics)
    return {
      defaults: this.#entryOptions(inherited, undefined),
      entries: resolvedEntries,
      tcp: tcpEntries,
      listen: listeners,
      management: managed,
      workers: taking,
      cluster: clustered,
      log: this.#single<LogOptions>(logSchema, log),
      files: [...this.#files],
    }
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
    const label = schema.labelled === true ? (source as { name?: unknown }).name : undefined
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
      if (given === undefined || (schema.labelled === true && name === 'name')) continue
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
      name: this.#name(section, `entry ${index + 1}`),
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

  #name({ source, origin, path, title }: Section, usual: string): string {
    const { name } = source as { name?: unknown }
    if (name === undefined || isLabel(name)) return name ?? usual
    const message = `bad name ${show(name)}; a name is text without brackets, control characters and spaces around it`
    this.#diagnostics.add(origin?.place ?? { path: `${path}.name` }, title, message)
    return usual
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

  #listeners(value: unknown, servesHttp: boolean): ListenOptions[] {
    const list = this.#list(value, 'listen')
    if (list.length > 0) return list.map((each, index) => this.#listen(each, index))
    // Who passes on bytes alone has not asked for HTTP at the usual port.
    if (!servesHttp) return [{ ...this.#whole<ListenOptions>(listenSchema, {}, 'listen[0]').options, address: [] }]
    return [this.#listen({}, 0)]
  }

  #listen(value: unknown, index: number): ListenOptions {
    const { section, options } = this.#whole(listenSchema, value, `listen[${index}]`, listenContradictions)
    const isSaid = section.values.has('address')
    options.address.forEach((address, at) => {
      const place = formatPlace(placeOf(section, 'address', at))
      const what = isSaid ? `an Address of [LISTEN] at ${place}` : 'where HTTP listens without an Address in [LISTEN]'
      this.#taken.push({ address, what })
    })
    return options
  }

  /** A section of which there is one at most. */
  #single<Options>(
    schema: SectionSchema,
    value: unknown,
    contradictions?: (options: Options) => readonly Contradiction[],
  ): Options {
    const { section, options } = this.#whole(schema, value ?? {}, schema.property, contradictions)
    const { listen } = options as { listen?: TakenAddress['address'] }
    if (listen !== undefined) {
      const place = formatPlace(placeOf(section, 'listen'))
      this.#taken.push({ address: listen, what: `Listen of [${schema.name}] at ${place}` })
    }
    return options
  }

  #tcpEntry(value: unknown, index: number): ResolvedTcpEntry {
    const { section, options } = this.#whole<TcpEntryOptions>(tcpSchema, value, `tcp[${index}]`)
    for (const [name, key] of [
      ['listen', 'Listen'],
      ['serverList', 'ServerList'],
    ] as const) {
      this.#require(section, section.values.has(name) || section.failed.has(name), key)
    }
    const { listen = [], serverList = [], serverName } = options
    return {
      name: this.#name(section, `tcp ${index + 1}`),
      isLabelled: (section.source as { name?: unknown }).name !== undefined,
      options: { ...options, listen, serverList },
      place: section.origin?.place ?? { path: section.path },
      listenPlaces: listen.map((_, at) => placeOf(section, 'listen', at)),
      namePlaces: serverName?.map((_, at) => placeOf(section, 'serverName', at)) ?? [],
    }
  }

  /** A section that inherits nothing. */
  #whole<Options>(
    schema: SectionSchema,
    value: unknown,
    path: string,
    contradictions: (options: Options) => readonly Contradiction[] = () => [],
  ): { readonly section: Section; readonly options: Options } {
    const section = this.#section(schema, value, path)
    const values = new Map([...this.#defaultsOf(schema.options), ...section.values])
    const names = [...schema.options.keys()]
    const options = Object.fromEntries(names.map((name) => [name, values.get(name)])) as unknown as Options
    this.#contradictions([section], contradictions(options))
    return { section, options }
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
