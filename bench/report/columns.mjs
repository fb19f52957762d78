/** What is reported, and how it is written. */

/**
 * @typedef {object} ColumnText
 * @property {string} label
 * @property {number} digits behind the point
 * @property {'less' | 'more' | 'neither'} better
 */

/** @satisfies {Record<string, ColumnText>} */
export const columns = /** @type {const} */ ({
  cost: { label: 'µs CPU a request', digits: 1, better: 'less' },
  throughput: { label: 'requests/s', digits: 0, better: 'more' },
  messageCost: { label: 'µs CPU a message', digits: 1, better: 'less' },
  messages: { label: 'messages/s', digits: 0, better: 'more' },
  connectionCost: { label: 'µs CPU a connection', digits: 1, better: 'less' },
  connections: { label: 'connections/s', digits: 0, better: 'more' },
  p50: { label: 'p50 ms', digits: 2, better: 'less' },
  p99: { label: 'p99 ms', digits: 2, better: 'less' },
  memory: { label: 'RSS MiB', digits: 0, better: 'less' },
  nanoseconds: { label: 'ns', digits: 0, better: 'less' },
  pairMemory: { label: 'KiB a pair', digits: 1, better: 'less' },
  serverMemory: { label: 'KiB a server', digits: 2, better: 'less' },
  keptMemory: { label: 'KiB a kept connection', digits: 1, better: 'less' },
  workerMemory: { label: 'KiB a worker', digits: 1, better: 'less' },
  pingCost: { label: 'µs CPU a second and worker', digits: 1, better: 'less' },
  checkCost: { label: 'µs CPU a check', digits: 0, better: 'less' },
  connectionMemory: { label: 'KiB a client', digits: 1, better: 'less' },
  growth: { label: 'RSS grows by MiB', digits: 0, better: 'less' },
  rate: { label: 'MiB/s', digits: 0, better: 'more' },
})

/**
 * A case as a grid of text, its head first.
 *
 * @param {CaseResult} result
 * @returns {string[][]}
 */
export function grid({ columns: names, ratio, rows }) {
  const head = ['', ...names.map((name) => columns[name].label)]
  const noted = rows.some(({ note }) => note !== undefined)
  const compared = ratio !== undefined && rows.some((row) => ratioOf(row, rows, ratio.column) !== undefined)
  if (compared) head.splice(names.indexOf(ratio.column) + 2, 0, ratio.label)
  if (noted) head.push('')
  const lines = rows.map((row) => {
    const line = [row.name, ...names.map((name) => written(row.values[name], columns[name].digits))]
    if (compared) {
      line.splice(names.indexOf(ratio.column) + 2, 0, written(ratioOf(row, rows, ratio.column), 2))
    }
    return noted ? [...line, row.note ?? ''] : line
  })
  return [head, ...lines]
}

/**
 * @typedef {object} CaseResult
 * @property {string} name
 * @property {string} title
 * @property {string} about
 * @property {(keyof typeof columns)[]} columns
 * @property {{ column: keyof typeof columns, label: string }} [ratio]
 * @property {import('../harness/load.mjs').Row[]} rows
 * @property {string[]} notes
 */

/** How a row compares with its base. */
function ratioOf(row, rows, column) {
  const base = rows.find(({ name }) => name === row.base)?.values[column]
  return base === undefined ? undefined : row.values[column] / base
}

/**
 * @param {number | undefined} value
 * @param {number} digits
 */
export function written(value, digits) {
  if (value === undefined || !Number.isFinite(value)) return '–'
  const text = value.toFixed(digits)
  return digits === 0 ? text.replace(/\B(?=(\d{3})+$)/g, ' ') : text
}
