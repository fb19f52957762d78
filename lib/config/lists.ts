/** Types of values that are lists. */

import { eachItem, type OptionType, type ResolveContext, show, ValueProblem, type Word } from './section.js'
import { PlainText, quoteWord } from './text.js'

interface ListSpec<Item extends string | number, Resolved> {
  /** What the list looks like, for the reference page: `patterns`. */
  readonly describe: string
  /** The list may be empty, which is written `none`. */
  readonly mayBeEmpty?: boolean
  /** A word to its canonical form. Throws an error for one that cannot be an item at all. */
  item?(word: string): Item
  /** All items, at load; `eachItem` of `section.js` puts problems to their items. */
  resolve(items: readonly Item[], context: ResolveContext): Resolved
}

/** A type whose value is any number of words, and whose key may be repeated. */
export function list<Item extends string | number = string, Resolved = readonly Item[]>(
  spec: ListSpec<Item, Resolved>,
): OptionType<readonly Item[], Resolved> {
  const describe = spec.mayBeEmpty === true ? `${spec.describe}, or none` : spec.describe

  function fromWords(words: readonly Word[]): readonly Item[] {
    if (words.length === 0) throw new ValueProblem(`a value is missing; expected ${spec.describe}`)
    const [only] = words
    if (spec.mayBeEmpty === true && words.length === 1 && !only!.quoted && /^none$/i.test(only!.text)) return []
    return eachItem(words, (word) => fromWord(word.text))
  }

  function fromWord(word: string): Item {
    if (word === '') throw new ValueProblem('an empty word')
    return spec.item === undefined ? (word as Item) : spec.item(word)
  }

  return {
    describe,
    parse: (value) => fromWords(value.words),
    merge: (before, after) => [...before, ...after],
    accept(value) {
      if (typeof value === 'string') return fromWords(new PlainText(value).words)
      if (Number.isInteger(value)) return [fromWord(String(value))]
      if (!Array.isArray(value)) throw new ValueProblem(`expected a list of ${spec.describe}, not ${show(value)}`)
      if (value.length === 0 && spec.mayBeEmpty !== true) throw new ValueProblem('the list is empty')
      return eachItem(value as readonly unknown[], (item) => {
        if (typeof item !== 'string' && !Number.isInteger(item)) {
          throw new ValueProblem(`expected a string, not ${show(item)}`)
        }
        return fromWord(String(item))
      })
    },
    resolve: (items, context) => spec.resolve(items, context),
    format: (items) => [items.length === 0 ? 'none' : items.map((item) => formatItem(String(item))).join(' ')],
  }
}

/** An item that is called `none` needs quotes, or it would stand for the empty list. */
function formatItem(item: string): string {
  return /^none$/i.test(item) ? JSON.stringify(item) : quoteWord(item)
}
