import { availableParallelism } from 'node:os'
import { type OptionTable, type OptionType, show, ValueProblem } from '../config/section.js'
import { integer, scalar } from '../config/types.js'

/** How many processes serve: the public form. */
export interface ClusterConfig {
  /** A number, or `auto`: as many as the machine can run at once. Default: 1. */
  processes?: number | string
}

/** How many processes serve. */
export interface ClusterOptions {
  /** 1: the process that was started serves by itself. */
  readonly processes: number
}

const most = 1024
const count = integer(1, most)

/** The public form is `auto` or a number. */
const processCount: OptionType<number | string, number> = scalar<number | string, number>({
  describe: 'number or auto',
  fromText(value) {
    if (/^auto$/i.test(value)) return 'auto'
    if (!/^-?\d+$/.test(value)) throw new ValueProblem(`${show(value)} is neither a whole number nor "auto"`)
    return count.accept(value)
  },
  fromValue: (value) => count.accept(value),
  resolve: (value) => (value === 'auto' ? Math.min(most, availableParallelism()) : (value as number)),
})

/** The keys of `[CLUSTER]`. */
export const clusterTable: OptionTable<ClusterConfig, ClusterOptions> = {
  processes: {
    key: 'Processes',
    type: processCount,
    default: 1,
    scope: 'own',
    doc: 'How many processes serve, 1 to 1024, beside one that manages them; `auto`: one for each processor. `1`: a single process does all.',
  },
}

/** The number of processes that a text asks for, as `Processes` does. Throws a {@link ValueProblem} for a bad one. */
export function parseProcesses(text: string): number {
  return processCount.resolve(processCount.accept(text), {
    readFile() {
      throw new Error('a number of processes names no file')
    },
  })
}
