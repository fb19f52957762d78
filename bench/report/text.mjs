/** Grids of text as tables, for a terminal and for a page. */

/**
 * @param {readonly (readonly string[])[]} grid its head first
 * @returns {string}
 */
export function terminalTable(grid) {
  const widths = grid[0].map((_, column) => Math.max(...grid.map((line) => line[column].length)))
  const rows = grid.map((line) =>
    line.map((cell, column) => (isNumeric(grid, column) ? cell.padStart(widths[column]) : cell.padEnd(widths[column]))),
  )
  return rows.map((cells) => `  ${cells.join('  ')}`.trimEnd()).join('\n')
}

/**
 * @param {readonly (readonly string[])[]} grid its head first
 * @returns {string}
 */
export function markdownTable(grid) {
  const rule = grid[0].map((_, column) => (isNumeric(grid, column) ? '--:' : '---'))
  const [head, ...lines] = grid.map((cells) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`)
  return [head, `|${rule.join('|')}|`, ...lines].join('\n')
}

function isNumeric(grid, column) {
  return column > 0 && grid.slice(1).every((line) => /^[\d –.-]*$/.test(line[column]))
}
