/** Lists of response codes: `500 502-504`. */

import { list } from './lists.js'
import { eachItem, type OptionType, ValueProblem } from './section.js'

/** Tells whether a status belongs to a list. */
export type StatusTest = (status: number) => boolean

/** Response codes and ranges of them in the public form: `500`, `'502-504'`. */
export type StatusItem = number | string

/** The codes from and to, or undefined if the word is no status and no range. */
export function parseStatuses(word: string): readonly [from: number, to: number] | undefined {
  const match = /^(\d{3})(?:-(\d{3}))?$/.exec(word)
  if (match === null) return undefined
  const from = Number(match[1])
  const to = match[2] === undefined ? from : Number(match[2])
  if (from < 100 || to > 599) throw new ValueProblem(`"${word}" is out of range; status codes are 100 to 599`)
  if (from > to) throw new ValueProblem(`the range "${word}" is empty`)
  return [from, to]
}

/** A word to its canonical form: a number for one status, a string for a range. */
export function statusItem(word: string): StatusItem {
  if (parseStatuses(word) === undefined) {
    throw new ValueProblem(`"${word}" is not a status code; write 500, or a range such as 502-504`)
  }
  return word.includes('-') ? word : Number(word)
}

/** A test for all codes of a list; undefined for an empty one, so that nothing has to be asked per response. */
export function compileStatuses(items: readonly StatusItem[]): StatusTest | undefined {
  if (items.length === 0) return undefined
  const member = new Uint8Array(600)
  eachItem(items, (item) => {
    const [from, to] = parseStatuses(String(item)) ?? [0, -1]
    member.fill(1, from, to + 1)
  })
  return (status) => member[status] === 1
}

/** Response codes and ranges. */
export const statuses: OptionType<readonly StatusItem[], StatusTest | undefined> = list<
  StatusItem,
  StatusTest | undefined
>({
  describe: 'status codes',
  mayBeEmpty: true,
  item: statusItem,
  resolve: compileStatuses,
})
