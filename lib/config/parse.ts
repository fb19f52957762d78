/** Sections of a file to the public form, with the origin of every value. */

import { resolve } from 'node:path'
import type { Diagnostics, Place } from './diagnostics.js'
import { type FilePlace, type IniSection, type IniSetting, readIni, reportProblems, sectionTitle } from './ini.js'
import { type OptionOrigin, rememberConfig, rememberSection } from './origin.js'
import { type Config, type SectionSchema, sectionSchemas } from './schema.js'
import type { Option, ValueText } from './section.js'
import { nearest, unknown } from './suggest.js'
import type { Environment } from './text.js'

/** What a text without a file is called in messages. */
const unnamed = 'proxy.conf'

/** The public form of a file, or of a text without one; problems of the text go to `diagnostics`. */
export function parseFile(
  text: string,
  path: string | undefined,
  environment: Environment,
  diagnostics: Diagnostics,
): Config {
  const file = path ?? unnamed
  const { sections, files } = readIni(text, file, environment, diagnostics)
  const readers = new Map<SectionSchema, SectionReader[]>()
  for (const section of sections) {
    const schema = findSchema(section, diagnostics)
    if (schema === undefined) continue
    const known = readers.get(schema) ?? []
    readers.set(schema, known)
    // Several [PROXY_DEFAULTS] are one section in pieces; entries and listeners stand for themselves.
    const pieces = schema.repeated === true ? undefined : known[0]
    const reader = pieces ?? new SectionReader(schema, section, diagnostics)
    reader.read(section)
    if (pieces === undefined) known.push(reader)
  }
  const parts = sectionSchemas.flatMap((schema) => {
    const results = readers.get(schema)?.map(({ result }) => result)
    if (results === undefined) return []
    return [[schema.property, schema.repeated === true ? results : results[0]]]
  })
  const config: Config = { entries: [], ...Object.fromEntries(parts) }
  rememberConfig(config, { file, files: path === undefined ? files : [resolve(path), ...files] })
  return config
}

function findSchema(section: IniSection, diagnostics: Diagnostics): SectionSchema | undefined {
  const schema = sectionSchemas.find(({ name }) => name.toLowerCase() === section.name.toLowerCase())
  const title = sectionTitle(section.name, section.label)
  if (schema === undefined) {
    const names = sectionSchemas.map(({ name }) => name)
    diagnostics.add(section.place, title, unknown('section', section.name, names))
  } else if (schema.labelled !== true && section.label !== '') {
    diagnostics.add(section.place, title, `[${schema.name}] takes no label`)
  }
  return schema
}

class SectionReader {
  readonly result: Record<string, unknown> = {}
  readonly #schema: SectionSchema
  readonly #title: string
  readonly #diagnostics: Diagnostics
  readonly #origins = new Map<string, OptionOrigin & { readonly items: Map<number | string, Place> }>()
  readonly #keyPlaces = new Map<string, FilePlace>()
  readonly #failed = new Set<string>()

  constructor(schema: SectionSchema, { label, place }: IniSection, diagnostics: Diagnostics) {
    this.#schema = schema
    this.#title = sectionTitle(schema.name, label)
    this.#diagnostics = diagnostics
    if (schema.labelled === true && label !== '') this.result.name = label
    rememberSection(this.result, { place, options: this.#origins, failed: this.#failed })
  }

  read(section: IniSection): void {
    for (const setting of section.settings) {
      const found = this.#find(setting)
      if (found !== undefined) this.#set(setting, ...found)
    }
  }

  #find({ key, place }: IniSetting): [name: string, option: Option<unknown, unknown>] | undefined {
    const found = findByKey(this.#schema, key)
    if (found !== undefined) return found
    const message = unknownKey(this.#schema, key)
    this.#diagnostics.add(place, this.#title, message)
    return undefined
  }

  #set(setting: IniSetting, name: string, option: Option<unknown, unknown>): void {
    const first = this.#keyPlaces.get(name)
    if (first !== undefined && option.type.merge === undefined) {
      const where = first.file === setting.place.file ? `line ${first.line}` : `${first.file}:${first.line}`
      const message = `${option.key} is set twice, here (line ${setting.place.line}) and in ${where}`
      this.#diagnostics.add(setting.place, this.#title, message)
      return
    }
    if (first === undefined) this.#keyPlaces.set(name, setting.place)
    try {
      const before = this.result[name]
      const value = option.type.parse(setting.value)
      const after = before === undefined ? value : option.type.merge!(before, value)
      this.#remember(name, setting, before, after)
      this.result[name] = after
    } catch (error) {
      this.#failed.add(name)
      reportProblems(error, ({ message, at, column }) => {
        const known = column ?? (typeof at === 'number' ? setting.value.words[at]?.column : undefined)
        const place = { ...setting.valuePlace, column: known ?? setting.valuePlace.column }
        this.#diagnostics.add(place, this.#title, message)
      })
    }
  }

  #remember(name: string, setting: IniSetting, before: unknown, after: unknown): void {
    let origin = this.#origins.get(name)
    if (origin === undefined) {
      origin = { place: setting.valuePlace, items: new Map() }
      this.#origins.set(name, origin)
    }
    const known = new Set(itemKeys(before))
    const added = itemKeys(after).filter((key) => !known.has(key))
    // Where each word became an item, the item stands where its word does.
    const words = added.length > 1 ? readWords(setting.value) : []
    added.forEach((key, index) => {
      const column = words.length === added.length ? words[index]!.column : setting.valuePlace.column
      origin.items.set(key, { ...setting.valuePlace, column })
    })
  }
}

function readWords(value: ValueText): ValueText['words'] {
  try {
    return value.words
  } catch {
    // A value that is read as a whole may hold what would be no words.
    return []
  }
}

function unknownKey(schema: SectionSchema, key: string): string {
  const homes = sectionSchemas.filter((other) => findByKey(other, key) !== undefined)
  if (homes.length > 0) return `"${key}" belongs in ${homes.map(({ name }) => `[${name}]`).join(' or ')}`
  const guess = nearest(key, [...keysOf(schema), 'Include'])
  if (guess !== undefined) return `unknown key "${key}"; did you mean "${guess}"?`
  for (const other of sectionSchemas) {
    const elsewhere = nearest(key, keysOf(other))
    if (elsewhere !== undefined) return `unknown key "${key}"; "${elsewhere}" belongs in [${other.name}]`
  }
  return `unknown key "${key}"`
}

function keysOf(schema: SectionSchema): string[] {
  return [...schema.options.values()].flatMap((option) => [option.key, ...(option.aliases ?? [])])
}

function findByKey(schema: SectionSchema, key: string): [string, Option<unknown, unknown>] | undefined {
  const wanted = key.toLowerCase()
  for (const [name, option] of schema.options) {
    if (option.key.toLowerCase() === wanted || option.aliases?.some((alias) => alias.toLowerCase() === wanted)) {
      return [name, option]
    }
  }
  return undefined
}

/** Indices of a list, keys of an object; nothing for single values. */
function itemKeys(value: unknown): (number | string)[] {
  if (Array.isArray(value)) return value.map((_, index) => index)
  return typeof value === 'object' && value !== null ? Object.keys(value) : []
}
