/**
 * The benchmark: `npm run bench`. See docs/performance.md.
 *
 * The proxies are compared with each other in one run, because only what ran on the same machine at the same time
 * can be compared; what they cost is CPU time, which others who use the machine change least.
 */

import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { cpus, release, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { cases } from './cases/all.mjs'
import { stopAll } from './harness/children.mjs'
import { findProgram, programVersion } from './harness/programs.mjs'
import { startUpstream } from './harness/upstream.mjs'
import { readOptions, usage } from './plan.mjs'
import { writeChart } from './report/chart.mjs'
import { grid } from './report/columns.mjs'
import { compareResults } from './report/compare.mjs'
import { writePage } from './report/page.mjs'
import { checkTargets } from './report/targets.mjs'
import { terminalTable } from './report/text.mjs'
import { rivals as rivalsHere } from './rivals/registry.mjs'

/**
 * @typedef {object} Report
 * @property {string} date
 * @property {{ cpu: string, cores: number, kernel: string, node: string }} machine
 * @property {import('./plan.mjs').Plan} plan
 * @property {Record<string, string>} versions
 * @property {import('./report/targets.mjs').TargetResult[]} targets
 * @property {import('./report/columns.mjs').CaseResult[]} cases
 */

/** What stops a run before it begins, and is told without a stack. */
class Refusal extends Error {}

for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP'])) process.once(signal, () => process.exit(1))

try {
  await main()
} catch (error) {
  if (!(error instanceof Refusal)) throw error
  console.error(error.message)
  process.exitCode = 1
}

async function main() {
  const options = optionsOf(process.argv.slice(2))
  if (options.help) return console.log(usage)
  const programs = requirePrograms()
  const earlier = options.compare === undefined ? undefined : readReport(options.compare)
  installRivals()
  const temp = mkdtempSync(join(tmpdir(), 'pointsman-bench-'))
  process.once('exit', () => rmSync(temp, { recursive: true, force: true }))
  try {
    const report = await run(options, programs, temp)
    print(report)
    if (earlier !== undefined) printComparison(report, earlier)
    if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify(report, undefined, 2)}\n`)
    if (options.write) write(report)
  } finally {
    await stopAll()
  }
}

/**
 * @param {import('./plan.mjs').Options} options
 * @param {Record<string, string | undefined>} programs
 * @param {string} temp
 * @returns {Promise<Report>}
 */
async function run({ plan, ...options }, programs, temp) {
  const chosen = choose('case', cases, options.cases)
  const rivals = choose('rival', rivalsHere(programs, temp), options.rivals && ['pointsman', ...options.rivals])
  const upstream = await startUpstream(programs.nginx ?? '', temp)
  /** @type {import('./report/columns.mjs').CaseResult[]} */
  const results = []
  for (const { run: runCase, about, ...known } of chosen) {
    console.log(`\n${known.title}: ${about(plan)}`)
    /** @type {string[]} */
    const notes = []
    const note = (/** @type {string} */ text) => {
      notes.push(text)
      console.log(`  ${text}`)
    }
    const rows = await runCase({ rivals, programs, temp, servers: upstream.addresses, plan, note })
    const result = { ...known, columns: [...known.columns], about: about(plan), rows, notes }
    if (rows.length > 0) {
      results.push(result)
      console.log(terminalTable(grid(result)))
    }
  }
  return {
    date: new Date().toISOString(),
    machine: { cpu: cpus()[0]?.model.trim() ?? '', cores: cpus().length, kernel: release(), node: process.version },
    plan,
    versions: {
      ...Object.fromEntries(rivals.filter(({ kind }) => kind !== 'floor').map(({ name, version }) => [name, version])),
      wrk: programVersion(programs.wrk ?? ''),
    },
    targets: checkTargets(results),
    cases: results,
  }
}

function optionsOf(args) {
  try {
    return readOptions(args)
  } catch (error) {
    throw new Refusal(`${/** @type {Error} */ (error).message}\n\n${usage}`)
  }
}

/** @returns {Record<string, string | undefined>} */
function requirePrograms() {
  if (process.platform !== 'linux') throw new Refusal('the benchmark reads /proc, and so needs Linux')
  const programs = Object.fromEntries(['wrk', 'nginx', 'haproxy'].map((name) => [name, findProgram(name)]))
  const missing = Object.keys(programs).filter((name) => programs[name] === undefined)
  if (missing.length === 0) return programs
  const text = `Not installed: ${missing.join(', ')}. On Debian: sudo apt-get install ${missing.join(' ')}`
  const needed = missing.filter((name) => name !== 'haproxy')
  if (needed.length > 0) throw new Refusal(`${text}\nThe benchmark needs ${needed.join(' and ')}.`)
  console.log(`${text}\nGoing on without it.`)
  return programs
}

/** The rivals are dependencies of `bench/` alone, and installed when they are needed for the first time. */
function installRivals() {
  const folder = fileURLToPath(new URL('.', import.meta.url))
  const lock = join(folder, 'package-lock.json')
  const installed = join(folder, 'node_modules', '.package-lock.json')
  const wanted = packagesOf(lock)
  const present = existsSync(installed) ? packagesOf(installed) : new Map()
  if ([...wanted].every(([path, version]) => present.get(path) === version)) return
  console.log('Installing the rivals into bench/node_modules, which happens once: npm --prefix bench ci')
  execFileSync('npm', ['--prefix', folder, 'ci', '--no-audit', '--no-fund'], { stdio: 'inherit' })
}

/** @returns {Map<string, string>} version by path; what a platform may leave out is not among them */
function packagesOf(lock) {
  const { packages } = JSON.parse(readFileSync(lock, 'utf8'))
  return new Map(
    Object.entries(packages).flatMap(([path, { version, optional }]) =>
      path === '' || optional ? [] : [[path, version]],
    ),
  )
}

/**
 * @template {{ name: string }} T
 * @param {string} what
 * @param {readonly T[]} list
 * @param {readonly string[] | undefined} names
 */
function choose(what, list, names) {
  if (names === undefined) return list
  const unknown = names.filter((name) => !list.some((each) => each.name === name))
  if (unknown.length > 0) {
    const known = list.map(({ name }) => name).join(', ')
    throw new Refusal(`no ${what} "${unknown.join('", "')}" here; there are: ${known}`)
  }
  return list.filter(({ name }) => names.includes(name))
}

/** @param {Report} report */
function print({ targets, plan }) {
  console.log(`\nWhat has to be reached${plan.quick ? ' (a quick run says little about it)' : ''}`)
  const lines = targets.map(({ what, limit, measured, verdict }) => [what, limit, measured, verdict])
  console.log(terminalTable([['', 'must reach', 'measured', ''], ...lines]))
}

/**
 * @param {Report} report
 * @param {Report} earlier
 */
function printComparison(report, earlier) {
  console.log(`\nNow divided by the run of ${earlier.date.slice(0, 16).replace('T', ' ')} UTC`)
  if (JSON.stringify(report.machine) !== JSON.stringify(earlier.machine)) {
    console.log('  That was another machine or another Node: look at how the rivals have changed, too.')
  }
  for (const { title, grid: lines } of compareResults(report.cases, earlier.cases)) {
    console.log(`\n${title}\n${terminalTable(lines)}`)
  }
}

/** @returns {Report} */
function readReport(file) {
  try {
    const report = JSON.parse(readFileSync(file, 'utf8'))
    if (Array.isArray(report.cases)) return report
  } catch (error) {
    throw new Refusal(`cannot compare: ${/** @type {Error} */ (error).message}`)
  }
  throw new Refusal(`cannot compare: ${file} is no result of this benchmark`)
}

/** @param {Report} report */
function write(report) {
  writePage(report)
  const small = report.cases.find(({ name }) => name === 'small')
  if (small !== undefined) writeChart(small)
  console.log('\nWritten to docs/performance.md')
}
