/** What a case is. */

import { fileURLToPath } from 'node:url'
import { Child, listening } from '../harness/children.mjs'
import { freePort } from '../harness/ports.mjs'

/**
 * @typedef {object} Context
 * @property {readonly import('../rivals/registry.mjs').Rival[]} rivals
 * @property {Readonly<Record<string, string | undefined>>} programs
 * @property {string} temp a folder that goes when the run is over
 * @property {readonly string[]} servers addresses of the servers behind the proxies
 * @property {import('../plan.mjs').Plan} plan
 * @property {(text: string) => void} note something that the reader of the result has to know
 *
 * @typedef {import('../harness/load.mjs').Row} Row
 * @typedef {keyof typeof import('../report/columns.mjs').columns} Column
 *
 * @typedef {object} Case
 * @property {string} name
 * @property {string} title
 * @property {(plan: import('../plan.mjs').Plan) => string} about one sentence: what is done
 * @property {readonly Column[]} columns
 * @property {{ column: Column, label: string }} [ratio] what is compared with the row's `base`
 * @property {(context: Context) => Promise<Row[]>} run
 */

/**
 * A program of ours that listens on a port.
 *
 * @param {string} path from `bench/`
 */
export async function startServer(path) {
  const port = await freePort()
  const child = new Child(process.execPath, [fileURLToPath(new URL(`../${path}`, import.meta.url)), `${port}`], {
    ipc: true,
  })
  await listening(child, port)
  return { child, address: `127.0.0.1:${port}` }
}

/**
 * A program of ours that talks to a port.
 *
 * @param {string} path from `bench/`
 * @param {readonly (string | number)[]} args
 */
export function startClient(path, args) {
  const program = fileURLToPath(new URL(`../${path}`, import.meta.url))
  return new Child(process.execPath, [program, ...args.map(String)], { ipc: true })
}
