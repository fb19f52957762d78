/**
 * The dialect of configuration files: which lines there are, with the place of everything in them. Values are read by
 * `text.ts`, and what sections and keys mean is no business of this file.
 *
 *     [NAME label]      a section
 *     Key Value         a setting, also `Key = Value`
 *     Include a/*.conf  the lines of other files, as if they stood here
 *     # or ;            a comment
 *
 * A section that begins in an included file ends with that file: what follows the `Include` belongs to the section
 * before it.
 */

import { readFileSync, realpathSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import type { Diagnostics, Place } from './diagnostics.js'
import { expandInclude, type Included } from './include.js'
import { messageOf, ValueProblem, ValueProblems, type ValueText } from './section.js'
import { type Environment, LineText } from './text.js'

/** A place in a file. */
export type FilePlace = Extract<Place, { file: string }>

/** One line `Key Value`. */
export interface IniSetting {
  readonly key: string
  readonly place: FilePlace
  /** Where the value begins, or would begin. */
  readonly valuePlace: FilePlace
  readonly value: ValueText
}

/** One `[NAME label]` and what stands below it. */
export interface IniSection {
  readonly name: string
  readonly label: string
  readonly place: FilePlace
  readonly settings: readonly IniSetting[]
}

/** A file with all that it includes. */
export interface IniFile {
  readonly sections: readonly IniSection[]
  /** Every file that was included, and every folder in which `Include` looked, absolute. */
  readonly files: readonly string[]
}

interface OpenSection extends IniSection {
  readonly settings: IniSetting[]
}

/** Reads the text of a file; problems go to `diagnostics`, and what is sound is returned all the same. */
export function readIni(text: string, file: string, environment: Environment, diagnostics: Diagnostics): IniFile {
  const reader = new IniReader(environment, diagnostics)
  reader.read(text, file, undefined, [])
  return { sections: reader.sections, files: [...reader.files] }
}

/** `[PROXY_ENTRY static]`, for messages. */
export function sectionTitle(name: string, label: string): string {
  return label === '' ? `[${name}]` : `[${name} ${label}]`
}

/** Text of a file. Throws an Error with a message for the author of the configuration. */
export function readText(file: string): string {
  let bytes: Buffer
  try {
    bytes = readFileSync(file)
  } catch (error) {
    throw new Error(`cannot read ${file}: ${reasonOf(error)}`)
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw new Error(`${file} is not UTF-8`)
  }
}

/** Why a file could not be read, in words. */
export function reasonOf(error: unknown): string {
  const { code } = error as NodeJS.ErrnoException
  if (code === 'ENOENT' || code === 'ENOTDIR') return 'there is no such file'
  if (code === 'EACCES' || code === 'EPERM') return 'permission denied'
  if (code === 'EISDIR') return 'it is a folder'
  return messageOf(error)
}

class IniReader {
  readonly sections: OpenSection[] = []
  readonly files = new Set<string>()
  readonly #environment: Environment
  readonly #diagnostics: Diagnostics

  constructor(environment: Environment, diagnostics: Diagnostics) {
    this.#environment = environment
    this.#diagnostics = diagnostics
  }

  /** `outer`: the section in which the file is included; `includers`: the files on the way to this one. */
  read(text: string, file: string, outer: OpenSection | undefined, includers: readonly string[]): void {
    let section = outer
    // A faulty header still begins a section: its settings are not those of the one before.
    let skipping = false
    const lines = text.replace(/^\ufeff/, '').split(/\r\n|\n|\r/)
    lines.forEach((line, index) => {
      const column = line.search(/\S/) + 1
      if (column === 0 || line[column - 1] === '#' || line[column - 1] === ';') return
      const place: FilePlace = { file, line: index + 1, column }
      if (line[column - 1] === '[') {
        const opened = this.#open(line, place)
        skipping = opened === undefined
        section = opened ?? section
        return
      }
      const setting = this.#setting(line, place)
      if (setting === undefined || skipping) return
      if (setting.key.toLowerCase() === 'include') this.#include(setting, section, [...includers, file])
      else if (section === undefined) {
        this.#diagnostics.add(
          place,
          '',
          `"${setting.key}" stands outside any section; sections begin with a line such as [PROXY_ENTRY]`,
        )
      } else section.settings.push(setting)
    })
  }

  #open(line: string, place: FilePlace): OpenSection | undefined {
    const match = /^\s*\[([^\]]*)\]\s*([^#;\s].*)?/.exec(line)
    if (match === null) {
      this.#diagnostics.add(place, '', 'the bracket [ is not closed')
      return undefined
    }
    const [, inside, rest] = match
    const [, name, label] = /^\s*(\S*)\s*(.*?)\s*$/.exec(inside!)!
    if (name === '') {
      this.#diagnostics.add(place, '', 'the name of the section is missing')
      return undefined
    }
    if (rest !== undefined) {
      const at = { ...place, column: line.indexOf(rest, line.indexOf(']')) + 1 }
      this.#diagnostics.add(at, `[${inside}]`, `unexpected "${rest.trim()}" after the section`)
    }
    const section: OpenSection = { name: name!, label: label!, place, settings: [] }
    this.sections.push(section)
    return section
  }

  #setting(line: string, place: FilePlace): IniSetting | undefined {
    const match = /^(\s*([\w-]+)(?:\s*=\s*|\s+|$))(.*)$/.exec(line)
    if (match === null) {
      this.#diagnostics.add(place, '', 'neither a section, a setting nor a comment')
      return undefined
    }
    const [, before, key, raw] = match
    const column = before!.length + 1
    const directory = dirname(resolve(place.file))
    return {
      key: key!,
      place,
      valuePlace: { ...place, column },
      value: new LineText(raw!, column, directory, this.#environment),
    }
  }

  #include(setting: IniSetting, section: OpenSection | undefined, includers: readonly string[]): void {
    const title = section === undefined ? '' : sectionTitle(section.name, section.label)
    try {
      const { words } = setting.value
      if (words.length === 0) throw new ValueProblem('Include needs the name of a file')
      for (const word of words) {
        const place = { ...setting.place, column: word.column }
        const { files, folder } = this.#expand(word.text, setting.place.file)
        if (folder !== undefined) this.files.add(folder)
        for (const file of files) this.#includeFile(file, place, title, section, includers)
      }
    } catch (error) {
      reportProblems(error, ({ message, column }) => {
        this.#diagnostics.add({ ...setting.valuePlace, column: column ?? setting.valuePlace.column }, title, message)
      })
    }
  }

  #expand(pattern: string, file: string): Included {
    try {
      return expandInclude(pattern, dirname(file))
    } catch (error) {
      throw new ValueProblem(`cannot look for ${pattern}: ${reasonOf(error)}`)
    }
  }

  #includeFile(
    file: string,
    place: FilePlace,
    title: string,
    section: OpenSection | undefined,
    includers: readonly string[],
  ): void {
    this.files.add(resolve(file))
    try {
      const text = readText(file)
      const real = realpathSync(file)
      const start = includers.findIndex((includer) => isSameFile(includer, real))
      if (start >= 0) throw new Error(`files include each other: ${[...includers.slice(start), file].join(' → ')}`)
      this.read(text, file, section, includers)
    } catch (error) {
      this.#diagnostics.add(place, title, messageOf(error))
    }
  }
}

function isSameFile(name: string, real: string): boolean {
  try {
    return realpathSync(name) === real
  } catch {
    // A text without a file.
    return false
  }
}

/** Calls `report` for each {@link ValueProblem} in what was thrown; anything else is thrown again. */
export function reportProblems(error: unknown, report: (problem: ValueProblem) => void): void {
  if (error instanceof ValueProblem) report(error)
  else if (error instanceof ValueProblems) error.problems.forEach(report)
  else throw error
}
