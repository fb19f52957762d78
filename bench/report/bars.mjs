/** A picture of horizontal bars, each with its name and its number. */

import { escaped, framed } from './frame.mjs'

const width = 820
const left = 245
const right = 70
const rowHeight = 30
const top = 52

/**
 * @typedef {object} Bar
 * @property {string} label
 * @property {number} value
 * @property {string} text the value as it is written
 * @property {'product' | 'node' | 'native' | 'floor'} kind its colour
 * @property {boolean} [strong]
 */

/**
 * @param {object} picture
 * @param {string} picture.title with the unit
 * @param {string} picture.note
 * @param {string} picture.spoken
 * @param {readonly Bar[]} picture.bars from top to bottom
 * @returns {string}
 */
export function barChart({ title, note, spoken, bars }) {
  const most = Math.max(...bars.map(({ value }) => value))
  return framed({
    width,
    height: top + bars.length * rowHeight + 18,
    title,
    note,
    spoken: `${spoken}: ${bars.map(({ label, text }) => `${label} ${text}`).join(', ')}`,
    light: '.product { fill: #2f7d4f } .node { fill: #8fa1b3 } .native, .floor { fill: #c3ccd6 }',
    dark: '.product { fill: #4cae75 } .node { fill: #6b7d90 } .native, .floor { fill: #414d5a }',
    parts: bars.map((bar, at) => drawn(bar, top + at * rowHeight, (width - left - right) / most)),
  })
}

/**
 * @param {Bar} bar
 * @param {number} y
 * @param {number} scale
 */
function drawn({ label, value, text, kind, strong }, y, scale) {
  const length = Math.max(2, Math.round(value * scale * 10) / 10)
  const style = strong ? ' class="strong"' : ''
  return `  <text${style} x="${left - 10}" y="${y + 17}" text-anchor="end">${escaped(label)}</text><rect class="${kind}" x="${left}" y="${y + 3}" width="${length}" height="20" rx="3"/><text${style} x="${left + length + 8}" y="${y + 17}">${text}</text>`
}
