// Removes the folders that it is given, so that what was renamed or removed leaves nothing compiled behind.
import { rmSync } from 'node:fs'

for (const folder of process.argv.slice(2)) rmSync(folder, { recursive: true, force: true })
