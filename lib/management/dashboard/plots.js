/** Requests, latency and errors of the last five minutes, drawn by uPlot, with the same in words beside them. */

import * as clock from './clock.js'
import { milliseconds, number } from './format.js'
import { span } from './history.js'
import { fromTemplate, setAttribute, setText } from './rows.js'
import uPlot from './uplot.js'

/** @typedef {import('./history.js').Metric} Metric */

/**
 * @typedef {object} PlotKind
 * @property {string} title
 * @property {readonly { metric: Metric, name: string }[]} lines
 * @property {(value: number | null | undefined) => string} write
 */

/** @type {readonly PlotKind[]} */
const kinds = [
  { title: 'Requests a second', lines: [{ metric: 'requests', name: 'requests' }], write: number },
  {
    title: 'Latency',
    lines: [
      { metric: 'p50', name: 'p50' },
      { metric: 'p90', name: 'p90' },
      { metric: 'p99', name: 'p99' },
    ],
    write: milliseconds,
  },
  { title: 'Errors a second', lines: [{ metric: 'errors', name: 'errors' }], write: number },
]

const height = 180
/** Lines differ by more than their colour. */
const dashes = [[], [6, 3], [2, 2]]

/** All plots of the page. */
export class Plots {
  #plots
  #history

  /**
   * @param {HTMLElement} parent
   * @param {import('./history.js').History} history
   */
  constructor(parent, history) {
    this.#history = history
    this.#plots = kinds.map((kind) => new Plot(parent, kind))
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
      for (const plot of this.#plots) plot.rebuild()
    })
  }

  /**
   * @param {string} pool empty: all pools together
   * @param {number} now milliseconds since the Unix epoch, by the clock of the proxy
   */
  show(pool, now) {
    for (const plot of this.#plots) plot.show(this.#history.read(pool, plot.metrics), now)
  }
}

class Plot {
  /** @type {readonly Metric[]} */
  metrics
  #kind
  #container
  #legend
  /** @type {uPlot} */
  #plot
  /** @type {[number[], ...(number | null)[][]]} */
  #data
  #now = clock.wallTime()

  /**
   * @param {HTMLElement} parent
   * @param {PlotKind} kind
   */
  constructor(parent, kind) {
    this.#kind = kind
    this.metrics = kind.lines.map(({ metric }) => metric)
    this.#data = [[], ...kind.lines.map(() => [])]
    const figure = fromTemplate('plot').element
    parent.append(figure)
    this.#container = /** @type {HTMLElement} */ (figure.querySelector('.plot'))
    setText(/** @type {HTMLElement} */ (figure.querySelector('.plot-title')), kind.title)
    const list = /** @type {HTMLElement} */ (figure.querySelector('.legend'))
    this.#legend = kind.lines.map(({ name }, index) => {
      const { element, cells } = fromTemplate('legend-item')
      element.querySelector('.swatch')?.classList.add(`line-${index + 1}`)
      setText(cells.name, kind.lines.length > 1 ? name : 'now')
      list.append(element)
      return cells.value
    })
    this.#plot = this.#build()
    new ResizeObserver(() => this.#plot.setSize({ width: this.#width(), height })).observe(this.#container)
  }

  /** Draws it anew, in the colours that hold now. */
  rebuild() {
    this.#plot.destroy()
    this.#plot = this.#build()
  }

  /**
   * @param {[number[], ...(number | null)[][]]} data
   * @param {number} now
   */
  show(data, now) {
    this.#data = data
    this.#now = now
    this.#plot.setData(data)
    this.#writeLegend()
    const words = this.#kind.lines.map((_, index) => this.#inWords(index)).join('; ')
    setAttribute(this.#container, 'aria-label', `${this.#kind.title}, last five minutes: ${words}.`)
  }

  /** The values under the pointer, or the latest. */
  #writeLegend() {
    const index = this.#plot.cursor.idx ?? this.#data[0].length - 1
    this.#legend.forEach((element, line) => {
      setText(element, this.#kind.write(this.#data[line + 1]?.[index]))
    })
  }

  /** @param {number} line */
  #inWords(line) {
    const name = this.#kind.lines[line]?.name
    const values = this.#data[line + 1] ?? []
    const known = values.filter((value) => value !== null)
    if (known.length === 0) return `${name}: nothing yet`
    const { write } = this.#kind
    // Not Math.min(...known): a spread of any length is one too many for somebody's engine.
    const lowest = known.reduce((least, value) => Math.min(least, value))
    const highest = known.reduce((most, value) => Math.max(most, value))
    return `${name} now ${write(values.at(-1))}, lowest ${write(lowest)}, highest ${write(highest)}`
  }

  #build() {
    const style = getComputedStyle(document.documentElement)
    /** @param {string} name */
    const colour = (name) => style.getPropertyValue(name).trim()
    const font = `12px ${style.fontFamily}`
    const axis = {
      stroke: colour('--muted'),
      font,
      grid: { stroke: colour('--line'), width: 1 },
      ticks: { show: false },
    }
    return new uPlot(
      {
        width: this.#width(),
        height,
        legend: { show: false },
        cursor: { y: false, drag: { x: false, y: false } },
        scales: {
          x: { time: true, range: () => [(this.#now - span) / 1000, this.#now / 1000] },
          y: { range: (_, _least, most) => [0, most > 0 ? most * 1.1 : 1] },
        },
        axes: [
          { ...axis, size: 34, gap: 9, space: 45, incrs: [60, 120, 300], values: (_, times) => times.map(timeOfDay) },
          { ...axis, size: 60, values: (_, values) => values.map((value) => this.#kind.write(value)) },
        ],
        series: [
          {},
          ...this.#kind.lines.map((line, index) => ({
            label: line.name,
            stroke: colour(`--series-${index + 1}`),
            width: 1.5,
            dash: dashes[index] ?? [],
            points: { show: true, size: 4, filter: (/** @type {uPlot} */ plot) => lonely(plot.data[index + 1] ?? []) },
          })),
        ],
        hooks: { setCursor: [() => this.#writeLegend()] },
      },
      this.#data,
      this.#container,
    )
  }

  #width() {
    return Math.max(200, this.#container.clientWidth)
  }
}

const minutes = new Intl.DateTimeFormat(undefined, { timeStyle: 'short', hourCycle: 'h23' })

/** @param {number} seconds since the Unix epoch */
function timeOfDay(seconds) {
  return minutes.format(seconds * 1000)
}

/**
 * Where a value stands between two holes: no line goes through it, so it is drawn as a point.
 * @param {ArrayLike<number | null | undefined>} values
 */
function lonely(values) {
  return Array.from(values, (_, index) => index).filter(
    (index) => values[index] != null && values[index - 1] == null && values[index + 1] == null,
  )
}
