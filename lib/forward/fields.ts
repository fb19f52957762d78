/** Takes every field of a name out of a list of name, value, name, value …. */
export function removeField(fields: string[], name: string): void {
  const lower = name.toLowerCase()
  for (let i = fields.length - 2; i >= 0; i -= 2) if (fields[i]?.toLowerCase() === lower) fields.splice(i, 2)
}
