/** Types of single values. */

import { type OptionType, type ResolveContext, show, ValueProblem } from './section.js'
import { unknown } from './suggest.js'
import { quoteText } from './text.js'

interface ScalarSpec<Public, Resolved> {
  readonly describe: string
  fromText(text: string): Public
  /** A value of a program that is no string. */
  fromValue?(value: unknown): Public
  resolve(value: Public, context: ResolveContext): Resolved
  /** Text that `fromText` reads; without it, the value as a string. */
  toText?(value: Public): string
}

/** A type whose value is one piece of text in a file, and whose key may stand once in a section. */
export function scalar<Public, Resolved = Public>(spec: ScalarSpec<Public, Resolved>): OptionType<Public, Resolved> {
  return {
    describe: spec.describe,
    parse(value) {
      return fromText(value.text)
    },
    accept(value) {
      if (typeof value === 'string') return fromText(value.trim())
      if (spec.fromValue === undefined) throw new ValueProblem(`expected ${spec.describe}, not ${show(value)}`)
      return spec.fromValue(value)
    },
    resolve: (value, context) => spec.resolve(value, context),
    format: (value) => [quoteText(spec.toText === undefined ? String(value) : spec.toText(value))],
  }

  function fromText(text: string): Public {
    if (text === '') throw new ValueProblem(`a value is missing; expected ${spec.describe}`)
    return spec.fromText(text)
  }
}

/** Any text that passes `check`, which throws an error otherwise. */
export function text(describe: string, check: (text: string) => void = () => undefined): OptionType<string, string> {
  return scalar({
    describe,
    fromText: (value) => value,
    resolve(value) {
      check(value)
      return value
    },
  })
}

const truths: ReadonlyMap<string, boolean> = new Map([
  ['on', true],
  ['yes', true],
  ['true', true],
  ['1', true],
  ['off', false],
  ['no', false],
  ['false', false],
  ['0', false],
])

/** On or Off, in any of the usual spellings. */
export const boolean: OptionType<boolean> = scalar({
  describe: 'On or Off',
  fromText(value) {
    const truth = truths.get(value.toLowerCase())
    if (truth === undefined) throw new ValueProblem(`${show(value)} is neither On nor Off`)
    return truth
  },
  fromValue(value) {
    if (typeof value !== 'boolean') throw new ValueProblem(`expected true or false, not ${show(value)}`)
    return value
  },
  resolve: (value) => value,
  toText: (value) => (value ? 'On' : 'Off'),
})

const unitMilliseconds: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }

/** Node's timers end at 2^31 - 1 ms; beyond it they would fire at once. */
const longestSeconds = 2_147_483

/** A length of time: seconds in the public form, milliseconds once resolved. */
export function duration(least: 'zero' | 'positive' = 'zero'): OptionType<number> {
  function checked(seconds: number, shown: string): number {
    if (seconds > longestSeconds) throw new ValueProblem(`${shown} is too long; the longest duration is 596h`)
    if (seconds !== 0 && Math.round(seconds * 1000) === 0) throw new ValueProblem(`${shown} is less than 1ms`)
    if (seconds === 0 && least === 'positive') throw new ValueProblem(`${shown} is too short; it must be more than 0`)
    return seconds
  }
  return scalar({
    describe: 'duration',
    fromText(value) {
      const match = /^(\d+(?:\.\d+)?)(ms|s|m|h)?$/i.exec(value)
      if (match === null) {
        throw new ValueProblem(`${show(value)} is not a duration; write seconds, or a number with ms, s, m or h`)
      }
      const unit = unitMilliseconds[(match[2] ?? 's').toLowerCase()]!
      return checked((Number(match[1]) * unit) / 1000, show(value))
    },
    fromValue(value) {
      if (typeof value !== 'number' || !Number.isFinite(value) || value < 0) {
        throw new ValueProblem(
          `expected a duration (a number of seconds, or a string such as "250ms"), not ${show(value)}`,
        )
      }
      return checked(value, String(value))
    },
    resolve: (seconds) => Math.round(seconds * 1000),
    // Plain decimals only: String() would write 1e-7 for what `checked` has refused anyway.
    toText: (seconds) => String(seconds),
  })
}

const unitBytes: Readonly<Record<string, number>> = { k: 1024, m: 1024 ** 2, g: 1024 ** 3 }

/** A number of bytes. */
export function size(min = 0, max: number = Number.MAX_SAFE_INTEGER): OptionType<number> {
  function checked(bytes: number, shown: string): number {
    if (bytes < min || bytes > max) throw new ValueProblem(`${shown} is out of range; allowed: ${range(min, max)}`)
    return bytes
  }
  return scalar({
    describe: 'size',
    fromText(value) {
      const match = /^(\d+)([kmg])?$/i.exec(value)
      if (match === null)
        throw new ValueProblem(`${show(value)} is not a size; write bytes, or a number with k, m or g`)
      return checked(Number(match[1]) * (match[2] === undefined ? 1 : unitBytes[match[2].toLowerCase()]!), show(value))
    },
    fromValue(value) {
      if (typeof value !== 'number' || !Number.isInteger(value) || value < 0) {
        throw new ValueProblem(`expected a size (a number of bytes, or a string such as "64k"), not ${show(value)}`)
      }
      return checked(value, String(value))
    },
    resolve: (bytes) => bytes,
  })
}

/** A whole number. */
export function integer(min: number, max: number = Number.MAX_SAFE_INTEGER): OptionType<number> {
  function checked(value: number, shown: string): number {
    if (value < min || value > max) throw new ValueProblem(`${shown} is out of range; allowed: ${range(min, max)}`)
    return value
  }
  return scalar({
    describe: 'number',
    fromText(value) {
      if (!/^-?\d+$/.test(value)) throw new ValueProblem(`${show(value)} is not a whole number`)
      return checked(Number(value), show(value))
    },
    fromValue(value) {
      if (typeof value !== 'number' || !Number.isInteger(value)) {
        throw new ValueProblem(`expected a whole number, not ${show(value)}`)
      }
      return checked(value, String(value))
    },
    resolve: (value) => value,
  })
}

function range(min: number, max: number): string {
  return max === Number.MAX_SAFE_INTEGER ? `at least ${min}` : `${min} to ${max}`
}

/** One of a few words; case does not count. `what` names the kind in messages: `unknown transport "x"`. */
export function oneOf<Name extends string>(what: string, names: readonly Name[]): OptionType<Name> {
  return scalar({
    describe: names.join(' or '),
    fromText(value) {
      const found = names.find((name) => name.toLowerCase() === value.toLowerCase())
      if (found === undefined) throw new ValueProblem(unknown(what, value, names))
      return found
    },
    resolve: (value) => value,
  })
}

/** Words that switch an optional value off, so that an entry can undo what the defaults say. */
function isOff(text: string): boolean {
  return /^(?:off|none)$/i.test(text)
}

/** A type with a further value `Off` (`none` is the same; `false` in objects): no value, `undefined` once resolved. */
export function optional<Public, Resolved>(
  type: OptionType<Public, Resolved>,
): OptionType<Public | false, Resolved | undefined> {
  return {
    describe: `${type.describe}, or Off`,
    parse: (value) => (isOff(value.text) ? false : type.parse(value)),
    accept(value) {
      return value === false || (typeof value === 'string' && isOff(value.trim())) ? false : type.accept(value)
    },
    resolve: (value, context) => (value === false ? undefined : type.resolve(value, context)),
    format: (value) => (value === false ? ['Off'] : type.format(value)),
  }
}
