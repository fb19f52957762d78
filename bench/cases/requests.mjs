/** Plain requests, through everything that there is. */

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { askOnce, measureLoad } from '../harness/load.mjs'
import { bodySizes, smallBody } from '../harness/upstream.mjs'
import { wrk } from '../harness/wrk.mjs'

const columns = /** @type {const} */ (['cost', 'throughput', 'p50', 'p99', 'memory'])
const ratio = /** @type {const} */ ({ column: 'cost', label: '× http-proxy' })

/** @type {import('./case.mjs').Case[]} */
export const requestCases = [
  {
    name: 'small',
    title: 'Small GET',
    about: () =>
      `${smallBody.length} bytes to 64 connections; Pointsman with one entry, Round-Robin and high availability.`,
    columns,
    ratio,
    run: (context) => runGet(context, '/small', 64),
  },
  {
    name: '64k',
    title: '64 KiB response',
    about: () => 'GET of 64 KiB to 32 connections.',
    columns,
    ratio,
    run: (context) => runGet(context, '/64k', 32),
  },
  {
    name: '1m',
    title: '1 MiB response',
    about: () => 'GET of 1 MiB to 16 connections.',
    columns,
    ratio,
    run: (context) => runGet(context, '/1m', 16),
  },
  {
    name: 'post',
    title: 'POST of 16 KiB',
    about: () => '16 KiB from each of 64 connections; the servers read it, and give a small answer.',
    columns,
    ratio,
    run: runPost,
  },
]

/**
 * @param {import('./case.mjs').Context} context
 * @param {keyof typeof bodySizes} path
 * @param {number} connections
 */
function runGet(context, path, connections) {
  return run(context, path, { connections }, { path, length: bodySizes[path] })
}

/** @param {import('./case.mjs').Context} context */
function runPost(context) {
  const size = 16 * 1024
  const script = join(context.temp, 'post.lua')
  writeFileSync(
    script,
    `wrk.method = "POST"
wrk.headers["Content-Type"] = "application/octet-stream"
wrk.body = string.rep("x", ${size})
`,
  )
  return run(
    context,
    '/upload',
    { connections: 64, script },
    {
      path: '/upload',
      length: smallBody.length,
      method: 'POST',
      body: 'x'.repeat(size),
      headers: { 'content-type': 'application/octet-stream' },
    },
  )
}

function run({ rivals, programs, servers, plan, note }, path, load, expected) {
  const base = rivals.some(({ name }) => name === 'http-proxy') ? { base: 'http-proxy' } : {}
  const variants = rivals.map((rival) => ({
    name: rival.name,
    ...base,
    start: () => rival.start({ servers }),
    check: ({ port }) => askOnce(port, expected),
    drive: async ({ port }, duration) => {
      const result = await wrk(programs.wrk, `http://127.0.0.1:${port}${path}`, { ...load, duration })
      return { ...result, count: result.requests }
    },
  }))
  return measureLoad(variants, plan, note)
}
