/** A picture of lines over two labelled axes. */

import { escaped, framed } from '../../bench/report/frame.mjs'

const width = 820
const height = 420
const left = 74
const right = 190
const top = 48
const bottom = 56

/** Colours for a light and a dark ground; neighbours also differ for those who see few colours. */
const colours = [
  ['#2f7d4f', '#4cae75'],
  ['#b4530a', '#f0954a'],
  ['#2563b8', '#6ba6f5'],
  ['#8b3fa8', '#c98be0'],
  ['#8a7000', '#d6b93a'],
  ['#0e7c86', '#4fc0ca'],
  ['#b3263e', '#f07a8c'],
  ['#5b6673', '#a3b1bf'],
]
const dashes = ['', '7 4', '2 3', '10 3 2 3', '', '7 4', '2 3', '10 3 2 3']

/**
 * @typedef {object} Axis
 * @property {string} label with its unit
 * @property {boolean} [logarithmic]
 * @property {readonly number[]} ticks the first and the last are the ends of the axis
 * @property {(value: number) => string} [text] of a tick
 *
 * @typedef {object} Line
 * @property {string} label
 * @property {readonly (readonly [x: number, y: number])[]} points
 */

/**
 * @param {object} picture
 * @param {string} picture.title
 * @param {string} picture.note
 * @param {string} picture.spoken
 * @param {Axis} picture.x
 * @param {Axis} picture.y
 * @param {readonly Line[]} picture.lines
 * @param {boolean} [picture.dots] a dot at each point
 * @returns {string}
 */
export function lineChart({ title, note, spoken, x, y, lines, dots = false }) {
  const toX = scale(x, left, width - right)
  const toY = scale(y, height - bottom, top)
  const ends = spread(lines.map(({ points }) => toY(points.at(-1)?.[1] ?? 0)))
  return framed({
    width,
    height,
    title,
    note,
    spoken,
    light: styleOf(lines, 0, '.axis { stroke: #8fa1b3 } .grid { stroke: #dde4ea }'),
    dark: styleOf(lines, 1, '.axis { stroke: #6b7d90 } .grid { stroke: #2a333d }'),
    parts: [
      ...x.ticks.map((tick) => xTick(x, tick, toX(tick))),
      ...y.ticks.map((tick) => yTick(y, tick, toY(tick))),
      `  <text class="small" x="${(left + width - right) / 2}" y="${height - 14}" text-anchor="middle">${escaped(x.label)}</text>`,
      `  <text class="small" transform="translate(18 ${(top + height - bottom) / 2}) rotate(-90)" text-anchor="middle">${escaped(y.label)}</text>`,
      ...lines.map((line, at) => drawn(line, at, toX, toY, ends[at], dots)),
    ],
  })
}

function styleOf(lines, ground, others) {
  const own = lines.map((_, at) => {
    const colour = colours[at % colours.length][ground]
    return `.c${at} { stroke: ${colour} } .f${at} { fill: ${colour} }`
  })
  return `${others} ${own.join(' ')}`
}

/**
 * @param {Axis} axis
 * @param {number} from
 * @param {number} to
 */
function scale({ ticks, logarithmic }, from, to) {
  const on = (value) => (logarithmic ? Math.log(value) : value)
  const [low, high] = [on(ticks[0]), on(ticks[ticks.length - 1])]
  return (value) => {
    const part = (on(Math.max(value, logarithmic ? ticks[0] : -Infinity)) - low) / (high - low)
    return Math.round((from + Math.min(Math.max(part, 0), 1) * (to - from)) * 10) / 10
  }
}

function xTick({ text = String }, tick, at) {
  return `  <line class="axis" x1="${at}" y1="${height - bottom}" x2="${at}" y2="${height - bottom + 5}"/><text class="small" x="${at}" y="${height - bottom + 20}" text-anchor="middle">${escaped(text(tick))}</text>`
}

function yTick({ text = String }, tick, at) {
  return `  <line class="grid" x1="${left}" y1="${at}" x2="${width - right}" y2="${at}"/><text class="small" x="${left - 8}" y="${at + 4}" text-anchor="end">${escaped(text(tick))}</text>`
}

/** @param {Line} line */
function drawn({ label, points }, at, toX, toY, end, dots) {
  const places = points.map(([x, y]) => [toX(x), toY(y)])
  const [lastX, lastY] = places.at(-1) ?? [left, top]
  const dash = dashes[at % dashes.length] === '' ? '' : ` stroke-dasharray="${dashes[at % dashes.length]}"`
  const path = `<polyline class="c${at}" fill="none" stroke-width="2.2" stroke-linejoin="round"${dash} points="${places.map((place) => place.join()).join(' ')}"/>`
  const marks = dots ? places.map(([x, y]) => `<circle class="f${at}" cx="${x}" cy="${y}" r="3.2"/>`).join('') : ''
  const leader = `<polyline class="c${at}" fill="none" stroke-width="1" opacity="0.6" points="${lastX},${lastY} ${width - right + 14},${end}"/>`
  return `  ${path}${marks}${leader}<text x="${width - right + 18}" y="${end + 4}">${escaped(label)}</text>`
}

/** Places for the labels, in the order of the lines, at least a line of text apart. */
function spread(wanted) {
  const gap = 18
  const order = wanted.map((at, index) => ({ at, index })).sort((a, b) => a.at - b.at)
  let least = top
  for (const each of order) {
    each.at = Math.max(each.at, least)
    least = each.at + gap
  }
  let most = height - bottom
  for (const each of order.reverse()) {
    each.at = Math.min(each.at, most)
    most = each.at - gap
  }
  return order.sort((a, b) => a.index - b.index).map(({ at }) => at)
}
