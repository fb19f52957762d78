/** Chance that repeats itself: the same seed, the same numbers. */

/**
 * A stream of numbers from 0 (included) to 1 (excluded): sfc32 of the PractRand suite, which passes its tests. Streams of
 * different names are independent of each other, so that one who draws more does not change what others get.
 *
 * @param {number} seed
 * @param {string} name
 * @returns {import('../../dist/random.js').Random}
 */
export function stream(seed, name) {
  let a = 0x9e3779b9
  let b = seed | 0
  let c = 0
  let counter = 1
  for (const letter of name) c = (Math.imul(c, 31) + letter.charCodeAt(0)) | 0
  const next = () => {
    const sum = (a + b + counter++) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = (((c << 21) | (c >>> 11)) + sum) | 0
    return (sum >>> 0) / 2 ** 32
  }
  for (let i = 0; i < 15; i++) next()
  return { next, bytes: (size) => Buffer.alloc(size) }
}

/** @typedef {() => number} Draw */

/**
 * @param {import('../../dist/random.js').Random} random
 * @param {number} mean
 * @returns {Draw}
 */
export function exponential({ next }, mean) {
  return () => -mean * Math.log(1 - next())
}

/** Spread of the log-normal service times: the 99th percentile is 18 times the median, the variance 3.8 × mean². */
export const spread = 1.25

/**
 * @param {import('../../dist/random.js').Random} random
 * @param {number} mean
 * @returns {Draw}
 */
export function logNormal({ next }, mean) {
  const middle = Math.log(mean) - spread ** 2 / 2
  // Box and Muller's transform gives two at a time.
  let spare = Number.NaN
  return () => {
    let normal = spare
    spare = Number.NaN
    if (Number.isNaN(normal)) {
      const radius = Math.sqrt(-2 * Math.log(1 - next()))
      const angle = 2 * Math.PI * next()
      normal = radius * Math.cos(angle)
      spare = radius * Math.sin(angle)
    }
    return Math.exp(middle + spread * normal)
  }
}

/**
 * A number from 0 to `count - 1`, the k-th with a chance in proportion to 1 / (k + 1)^skew: Zipf's law, under which a few
 * keys are asked for very often. Skew 0: all equally often. Drawn in constant time (Walker's alias method).
 *
 * @param {import('../../dist/random.js').Random} random
 * @param {number} count
 * @param {number} skew
 * @returns {Draw}
 */
export function zipf({ next }, count, skew) {
  if (skew === 0) return () => Math.floor(next() * count)
  const shares = zipfShares(count, skew).map((share) => share * count)
  const other = new Int32Array(count)
  const poor = []
  const rich = []
  for (let i = 0; i < count; i++) (shares[i] < 1 ? poor : rich).push(i)
  while (poor.length > 0 && rich.length > 0) {
    const low = poor.pop()
    const high = rich[rich.length - 1]
    other[low] = high
    shares[high] -= 1 - shares[low]
    if (shares[high] < 1) poor.push(rich.pop())
  }
  for (const index of [...poor, ...rich]) shares[index] = 1
  return () => {
    const point = next() * count
    const index = Math.floor(point)
    return point - index < shares[index] ? index : other[index]
  }
}

/**
 * @param {number} count
 * @param {number} skew
 * @returns {Float64Array} the share of each, the greatest first
 */
export function zipfShares(count, skew) {
  const shares = Float64Array.from({ length: count }, (_, index) => (index + 1) ** -skew)
  const sum = shares.reduce((a, b) => a + b, 0)
  return shares.map((share) => share / sum)
}
