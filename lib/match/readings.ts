/**
 * What a path may mean. Most paths have one meaning: percent-decoded once, doubled slashes merged, `.` and `..`
 * resolved. Some are read in another way by other programs, and a server behind the proxy may be one of them:
 *
 * - an encoded slash separates, or it is a part of a name;
 * - a backslash is a character, or it separates (Windows, and every browser);
 * - a NUL is a character, or the end;
 * - a bad escape, or bytes that are not UTF-8, are kept, or the whole path stays undecoded, or an overlong sequence is
 *   taken for the character that it hides (RFC 3629 §10);
 * - `..` above the root is dropped, or it stays;
 * - `..` behind a doubled slash takes away a name, or the empty name between the slashes (RFC 3986 §5.2.4);
 * - `#` ends the path, or it is a character (RFC 9112 §3.2 has no fragment).
 *
 * An attacker uses the difference to be let in as one path and served as another. So the other readings are kept, and a
 * request whose readings would choose different entries is refused.
 */

/** All readings of a raw path without query, which begins with `/`. The first is the one that counts; none is twice. */
export function readingsOf(rawPath: string): string[] {
  const readings = fragment(bytesAsEscapes(rawPath))
    .flatMap(decodings)
    .flatMap(nul)
    .flatMap(backslash)
    .flatMap(resolutions)
  return [...new Set(readings)]
}

/**
 * Raw bytes above ASCII, which Node hands out as Latin-1, are treated as if they had been escaped; a program that has
 * put other characters into `req.url` means them as UTF-8.
 */
function bytesAsEscapes(path: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the range is ASCII.
  return path.replace(/[^\x00-\x7f]+/g, (text) =>
    Buffer.from(text, /[^\0-\xff]/.test(text) ? 'utf8' : 'latin1')
      .toString('hex')
      .replace(/../g, '%$&'),
  )
}

// Each of these gives the reading that counts first, and then the others.

function fragment(path: string): string[] {
  const hash = path.indexOf('#')
  return hash < 0 ? [path] : [path.slice(0, hash), path]
}

function decodings(path: string): string[] {
  if (!path.includes('%')) return [path]
  const readings = [decode(path)]
  if (/%2f/i.test(path)) readings.push(decode(path, '%2f'))
  if (!isWellFormed(path)) readings.push(path, decode(withoutOverlong(path)))
  return readings
}

function nul(path: string): string[] {
  const end = path.indexOf('\0')
  return end < 0 ? [path] : [path, path.slice(0, end)]
}

function backslash(path: string): string[] {
  return path.includes('\\') ? [path, path.replaceAll('\\', '/')] : [path]
}

function resolutions(path: string): string[] {
  const merged = mergeSlashes(path)
  const readings = [resolve(merged)]
  if (leavesRoot(merged)) readings.push(merged)
  if (merged !== path && path.includes('/..')) readings.push(mergeSlashes(resolve(path)))
  return readings
}

/** Decodes once; an escape that is bad, that is not UTF-8, or that equals `kept` stays as it is. */
function decode(path: string, kept = ''): string {
  return path.replace(/(?:%[89a-f][0-9a-f])+|%[0-7][0-9a-f]/gi, (escaped) =>
    escaped.toLowerCase() === kept ? escaped : (decoded(escaped) ?? escaped),
  )
}

function decoded(escaped: string): string | undefined {
  try {
    return decodeURIComponent(escaped)
  } catch {
    return undefined
  }
}

function isWellFormed(path: string): boolean {
  return decoded(path) !== undefined
}

/** Two bytes for an ASCII character: C0 or C1 and a continuation. */
function withoutOverlong(path: string): string {
  return path.replace(/%c([01])%([89ab][0-9a-f])/gi, (_, high: string, low: string) =>
    String.fromCharCode((Number(high) << 6) | (Number.parseInt(low, 16) & 0x3f)),
  )
}

function mergeSlashes(path: string): string {
  return path.replace(/\/{2,}/g, '/')
}

/** Removes `.` and `..` (RFC 3986 §5.2.4); nothing goes above the root. */
function resolve(path: string): string {
  if (!path.includes('/.')) return path
  const kept: string[] = []
  const segments = path.split('/').slice(1)
  for (const segment of segments) {
    if (segment === '..') kept.pop()
    else if (segment !== '.') kept.push(segment)
  }
  const last = segments.at(-1)
  if (last === '.' || last === '..') kept.push('')
  return `/${kept.join('/')}`
}

function leavesRoot(path: string): boolean {
  let depth = 0
  for (const segment of path.split('/').slice(1)) {
    if (segment === '..') depth--
    else if (segment !== '.') depth++
    if (depth < 0) return true
  }
  return false
}
