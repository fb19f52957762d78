/**
 * Changes of one character (insert, delete, replace, swap of neighbours) that lead from one word to the other: the
 * optimal string alignment distance, which counts the commonest slip of the hand as one.
 */
export function editDistance(from: string, to: string): number {
  let beforePrevious: number[] = []
  let previous = Array.from({ length: to.length + 1 }, (_, index) => index)
  for (let row = 1; row <= from.length; row++) {
    const current = [row]
    for (let column = 1; column <= to.length; column++) {
      const same = from[row - 1] === to[column - 1]
      let cost = Math.min(previous[column]! + 1, current[column - 1]! + 1, previous[column - 1]! + (same ? 0 : 1))
      if (row > 1 && column > 1 && from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1]) {
        cost = Math.min(cost, beforePrevious[column - 2]! + 1)
      }
      current.push(cost)
    }
    beforePrevious = previous
    previous = current
  }
  return previous[to.length]!
}

/** The candidate that was probably meant, if one is near enough; case does not count. */
export function nearest(word: string, candidates: Iterable<string>): string | undefined {
  const wanted = word.toLowerCase()
  let best: string | undefined
  let bestDistance = Math.max(1, Math.floor(wanted.length / 3)) + 1
  for (const candidate of candidates) {
    const distance = editDistance(wanted, candidate.toLowerCase())
    if (distance < bestDistance) {
      best = candidate
      bestDistance = distance
    }
  }
  return best
}

/** `unknown key "Mtach"; did you mean "Match"?`, or the list of what is known if that is short enough to help. */
export function unknown(what: string, word: string, candidates: readonly string[]): string {
  const guess = nearest(word, candidates)
  if (guess !== undefined) return `unknown ${what} "${word}"; did you mean "${guess}"?`
  const known = candidates.length > 0 && candidates.length <= 20 ? `; known: ${candidates.join(', ')}` : ''
  return `unknown ${what} "${word}"${known}`
}
