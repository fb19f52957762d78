/** Lists of name, value, name, value …, as they stand on the wire. */

/**
 * Two names of fields are the same. `lower` is in lower case. Most names differ in length, which costs nothing to
 * compare; writing a name in lower case does.
 */
export function isField(name: string, lower: string): boolean {
  return name.length === lower.length && (name === lower || name.toLowerCase() === lower)
}

/** Takes every field of a name (in lower case) out of the list. */
export function removeField(fields: string[], lower: string): void {
  for (let i = fields.length - 2; i >= 0; i -= 2) if (isField(fields[i] as string, lower)) fields.splice(i, 2)
}

/** Gives the first field of a name the value, and takes the others out; adds one when there is none. */
export function replaceField(fields: string[], name: string, value: string): void {
  const lower = name.toLowerCase()
  let put = false
  for (let i = 0; i < fields.length; i += 2) {
    if (!isField(fields[i] as string, lower)) continue
    if (put) {
      fields.splice(i, 2)
      i -= 2
    } else {
      fields[i + 1] = value
      put = true
    }
  }
  if (!put) fields.push(name, value)
}
