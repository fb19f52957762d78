/**
 * A 32-bit hash of a string, the same in every process and on every machine: FNV-1a over the UTF-16 code units
 * (http://www.isthe.com/chongo/tech/comp/fnv/), whose high bits barely depend on the last characters, and then the
 * finaliser of MurmurHash3, which spreads every bit over all others. `seed` gives further, independent hashes.
 */
export function stringHash(text: string, seed = 0): number {
  let hash = 0x811c9dc5 ^ Math.imul(seed, 0x9e3779b1)
  for (let index = 0; index < text.length; index++) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193)
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}
