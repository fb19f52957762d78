// Copies what tsc leaves behind, the files of the dashboard, to their compiled neighbours.
import { copyFileSync, mkdirSync, readdirSync } from 'node:fs'

const from = new URL('../lib/management/dashboard/', import.meta.url)
const to = new URL('../dist/management/dashboard/', import.meta.url)
mkdirSync(to, { recursive: true })
for (const name of readdirSync(from)) {
  if (/\.(?:html|css|js|svg)$/.test(name)) copyFileSync(new URL(name, from), new URL(name, to))
}
