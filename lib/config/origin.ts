/**
 * Where the objects that `parseConfig` returns come from. The objects themselves hold nothing but configuration, so
 * that they equal those that a programmer writes; what is known of their origin stands beside them.
 */

import type { Place } from './diagnostics.js'

/** Where the value of one option stands. */
export interface OptionOrigin {
  /** Where its first value begins. */
  readonly place: Place
  /** Where its items begin, by index or key. */
  readonly items: ReadonlyMap<number | string, Place>
}

/** Where a section stands. */
export interface SectionOrigin {
  /** Its header line. */
  readonly place: Place
  /** By the option's name in objects. */
  readonly options: ReadonlyMap<string, OptionOrigin>
  /** Options that stand in the file, but whose values could not be read. */
  readonly failed: ReadonlySet<string>
}

/** Where a whole configuration stands. */
export interface ConfigOrigin {
  /** The file as it was named. */
  readonly file: string
  /** All files that were read, and the folders in which `Include` looked, absolute. */
  readonly files: readonly string[]
}

const sections = new WeakMap<object, SectionOrigin>()
const configs = new WeakMap<object, ConfigOrigin>()

export function rememberSection(section: object, origin: SectionOrigin): void {
  sections.set(section, origin)
}

export function rememberConfig(config: object, origin: ConfigOrigin): void {
  configs.set(config, origin)
}

/** Undefined for an object that no file was read to. */
export function sectionOrigin(section: object): SectionOrigin | undefined {
  return sections.get(section)
}

/** Undefined for an object that no file was read to. */
export function configOrigin(config: object): ConfigOrigin | undefined {
  return configs.get(config)
}
