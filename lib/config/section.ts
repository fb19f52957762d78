/**
 * How a feature declares its configuration keys. A feature keeps a table of `Option`s beside itself
 * (`pool/options.ts`, `forward/options.ts` …); `config/schema` puts the tables together, files and objects are read by
 * them, and `docs/configuration.md` is generated from them. A key therefore has one home.
 *
 * A value has two forms. The public form is what stands in a configuration object, and what `parseConfig` returns:
 * durations in seconds, sizes in bytes, addresses and patterns as strings. The resolved form is what the feature
 * works with: durations in milliseconds, parsed addresses, compiled patterns.
 */

/** A word of a value, with the column (from 1) where it begins in its line; columns are 0 in objects. */
export interface Word {
  readonly text: string
  readonly column: number
  /** The word stood in quotes. */
  readonly quoted: boolean
}

/** The text of one setting. Each member throws a {@link ValueProblem} when the text is malformed. */
export interface ValueText {
  /** The whole value: unquoted if all of it is in quotes, without its comment, its variables filled in. */
  readonly text: string
  /** The value cut at spaces outside quotes. */
  readonly words: readonly Word[]
  /** Folder of the file that it stands in, absolute; relative file names start there. */
  readonly directory: string
  /** The first of the words; the others are not looked at. */
  readonly first: Word | undefined
  /**
   * What follows the first word, read as {@link text} is; undefined: nothing. Refuses a comment that touches the text
   * before it, for values such as those of headers, in which a semicolon is common.
   */
  readonly afterFirst: string | undefined
}

/**
 * A problem within a value. `at` is the part it belongs to: the index of a word while a text is parsed, the index or
 * key of an item while a public form is resolved, absent for the whole value. `column` is known for malformed text.
 */
export class ValueProblem extends Error {
  override readonly name = 'ValueProblem'
  readonly at: number | string | undefined
  readonly column: number | undefined

  constructor(message: string, at?: number | string, column?: number) {
    super(message)
    this.at = at
    this.column = column
  }
}

/** Several problems of one value. */
export class ValueProblems extends Error {
  override readonly name = 'ValueProblems'
  readonly problems: readonly ValueProblem[]

  constructor(problems: readonly ValueProblem[]) {
    super(problems.map((problem) => problem.message).join('; '))
    this.problems = problems
  }
}

/** What is at hand while a value is resolved. */
export interface ResolveContext {
  /** Reads a file that a value names, and remembers that the configuration depends on it. */
  readFile(path: string): Buffer
}

/** A type of value. Each method throws {@link ValueProblem} or {@link ValueProblems}. */
export interface OptionType<Public, Resolved = Public> {
  /** What a value looks like, for the reference page: `duration`, `On or Off`, `patterns` … */
  readonly describe: string
  /** Text of a file to the public form. */
  parse(value: ValueText): Public
  /**
   * Adds the value of a further setting of the same key to those before it. Absent: the key may stand only once in
   * a section.
   */
  merge?(before: Public, after: Public): Public
  /** Whatever a program put into a configuration object, to the public form. Strings are taken as in a file. */
  accept(value: unknown): Public
  /** The public form to the resolved form, checked. Called at load. */
  resolve(value: Public, context: ResolveContext): Resolved
  /** The public form as the values of one or more settings of a file. */
  format(value: Public): string[]
}

/** One key. */
export interface Option<Public, Resolved = Public> {
  /** As written in a file: `OfflineTimeOut`. */
  readonly key: string
  /** Other spellings that a file may use: `LoadBalancer`. */
  readonly aliases?: readonly string[]
  readonly type: OptionType<Public, Resolved>
  /** In the public form; absent: the option is unset (`undefined`) unless it is given. */
  readonly default?: Public
  /** `both`: entries inherit it from the defaults. Sections other than entries always say `own`. */
  readonly scope: 'both' | 'entry' | 'defaults' | 'own'
  /** What it does, in one line, for the reference page. */
  readonly doc: string
  /** What the reference page says for the default, where the value alone does not tell. */
  readonly defaultText?: string
}

/**
 * The keys of one feature, by their name in configuration objects (`offlineTimeOut`). `Config` is the feature's part
 * of a configuration object, `Options` what it works with.
 */
export type OptionTable<Config, Options> = {
  readonly [Name in keyof Options]-?: Option<unknown, Options[Name]>
} & { readonly [Name in keyof Config]-?: unknown }

/** Options that are well-formed each, but do not go together. */
export interface Contradiction {
  /** Name of the option to blame. */
  readonly option: string
  readonly message: string
}

/** Does something for each item, and throws the problems of all of them at once, each `at` its index. */
export function eachItem<Item, Result>(
  items: readonly Item[],
  work: (item: Item, index: number) => Result,
): readonly Result[] {
  const results: Result[] = []
  const problems: ValueProblem[] = []
  items.forEach((item, index) => {
    try {
      results.push(work(item, index))
    } catch (error) {
      problems.push(new ValueProblem(messageOf(error), index))
    }
  })
  if (problems.length > 0) throw new ValueProblems(problems)
  return results
}

/** The message of whatever was thrown. It may be anything, also what cannot be made a text. */
export function messageOf(error: unknown): string {
  try {
    return error instanceof Error ? `${error.message}` : String(error)
  } catch {
    return 'an object'
  }
}

/** A value of a program, short enough for a message. */
export function show(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value)
  if (typeof value === 'function') return 'a function'
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'object' && value !== null) return 'an object'
  return String(value)
}
