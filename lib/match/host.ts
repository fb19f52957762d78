/**
 * The name in a `Host` header, as host patterns see it: lower case, without port, without a root dot, an IPv6 address
 * without its brackets. Empty for a request without one.
 */
export function hostName(header: string | undefined): string {
  if (header === undefined) return ''
  let name = header
  if (name.startsWith('[')) {
    const end = name.indexOf(']')
    if (end > 0) return name.slice(1, end).toLowerCase()
  }
  const colon = name.indexOf(':')
  if (colon >= 0) name = name.slice(0, colon)
  if (name.endsWith('.')) name = name.slice(0, -1)
  return name.toLowerCase()
}
