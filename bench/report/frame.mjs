/** What all pictures of the pages have in common: a plain ground and text, readable in light and in dark. */

/**
 * @param {object} picture
 * @param {number} picture.width
 * @param {number} picture.height
 * @param {string} picture.title
 * @param {string} picture.note on the right of the title
 * @param {string} picture.spoken what the picture shows, for those who do not see it
 * @param {string} [picture.light] further style rules
 * @param {string} [picture.dark] the same, where they differ on a dark ground
 * @param {readonly string[]} picture.parts
 * @returns {string}
 */
export function framed({ width, height, title, note, spoken, light = '', dark = '', parts }) {
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="system-ui, sans-serif" font-size="14" role="img" aria-label="${escaped(spoken)}">
  <style>
    .back { fill: #fbfcfd } text { fill: #1c2733 } .small { font-size: 12.5px; fill: #4a5866 } .strong { font-weight: 600 }
    ${light}
    @media (prefers-color-scheme: dark) {
      .back { fill: #14191f } text { fill: #e4eaf0 } .small { fill: #a3b1bf }
      ${dark}
    }
  </style>
  <rect class="back" width="${width}" height="${height}" rx="10"/>
  <text class="strong" x="20" y="26">${escaped(title)}</text>
  <text class="small" x="${width - 20}" y="26" text-anchor="end">${escaped(note)}</text>
${parts.join('\n')}
</svg>
`
}

/** @param {string} text */
export function escaped(text) {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;')
}
