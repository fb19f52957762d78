/** A token of RFC 9110 §5.6.2: what names a header field, and a cookie (RFC 6265 §4.1.1). */
export function isToken(text: string): boolean {
  return /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(text)
}

/** Text that a header field may carry (RFC 9110 §5.5): visible characters, spaces and tabs, in Latin-1. */
export function isFieldValue(text: string): boolean {
  return /^[\t\x20-\x7e\x80-\xff]*$/.test(text)
}
