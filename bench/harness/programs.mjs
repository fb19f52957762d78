/** Programs that are not installed with npm. */

import { execFileSync } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'

// Where Debian has servers, which are not in everybody's PATH.
const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/local/sbin', '/usr/sbin', '/sbin']

/**
 * @param {string} name
 * @returns {string | undefined} where it stands
 */
export function findProgram(name) {
  return folders.map((folder) => join(folder, name)).find(isExecutable)
}

function isExecutable(file) {
  try {
    accessSync(file, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/**
 * The first version number that it tells.
 *
 * @param {string} program
 * @returns {string}
 */
export function programVersion(program) {
  try {
    // nginx tells on stderr.
    const text = execFileSync('/bin/sh', ['-c', '"$0" -v 2>&1 || true', program], { encoding: 'utf8' })
    return /\d+\.\d+[.\w-]*/.exec(text)?.[0] ?? ''
  } catch {
    return ''
  }
}
