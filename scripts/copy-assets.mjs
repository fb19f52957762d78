// Finishes what tsc has made: the files of the dashboard go to their compiled neighbours, and the command can be run.
import { chmodSync, copyFileSync, mkdirSync, readdirSync } from 'node:fs'

const from = new URL('../lib/management/dashboard/', import.meta.url)
const to = new URL('../dist/management/dashboard/', import.meta.url)
mkdirSync(to, { recursive: true })
for (const name of readdirSync(from)) {
  if (/\.(?:html|css|js|svg)$/.test(name)) copyFileSync(new URL(name, from), new URL(name, to))
}

// In a clone "npx pointsman" runs it as it stands.
chmodSync(new URL('../dist/cli/main.js', import.meta.url), 0o755)
