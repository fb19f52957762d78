import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { folder, run } from '../support/process.js'

const commands = ['start', 'check', 'explain', 'tcp', 'demo', 'demo-server']

test('--help lists the commands, and each has a help of its own', async () => {
  const general = await run(['--help'])
  assert.equal(general.code, 0)
  for (const command of commands) {
    assert.match(general.stdout, new RegExp(`^ {2}${command} `, 'm'))
    const own = await run([command, '--help'])
    assert.equal(own.code, 0)
    assert.match(own.stdout, new RegExp(`Usage: pointsman ${command} `))
    assert.equal((await run(['help', command])).stdout, own.stdout)
  }
})

test('-h is the address of tcp, and asks all others for help', async () => {
  const { stdout } = await run(['tcp', '--help'])
  assert.match(stdout, /^ {2}-h, --host HOST /m)
  assert.match(stdout, /^ {6}--help /m)
  assert.equal((await run(['check', '-h'])).stdout, (await run(['check', '--help'])).stdout)
})

test('--version is that of the package', async () => {
  const { version } = JSON.parse(readFileSync('package.json', 'utf8'))
  const { code, stdout } = await run(['--version'])
  assert.deepEqual([code, stdout], [0, `${version}\n`])
})

const misuses: readonly [args: string[], message: RegExp][] = [
  [[], /Usage: pointsman COMMAND/],
  [['strat'], /unknown command "strat"; did you mean "start"\?/],
  [['serve-all'], /unknown command "serve-all"; known: start, check/],
  [['--verison'], /unknown option "--verison"; did you mean "--version"\?/],
  [['start', '--wach'], /pointsman start: unknown option "--wach"; did you mean "--watch"\?/],
  [['start', '--listen'], /--listen <value>' argument missing/],
  [['start', 'now'], /unexpected argument "now"/],
  [['start', '-c', 'proxy.conf.example', '--listen', 'ftp://:21'], /--listen: unknown scheme "ftp"/],
  [['start', '-c', 'proxy.conf.example', '--listen', '127.0.0.1:http'], /--listen: bad port "http"/],
  [['check', 'proxy.conf'], /unexpected argument "proxy.conf"; a configuration file is named with -c/],
  [['explain'], /METHOD and URL are missing/],
  [['explain', 'GET', 'index.php'], /"index.php" is neither a path/],
  [['explain', 'GET', '/', '/b'], /unexpected "\/b"/],
  [['explain', '/', 'GET'], /"\/" is no method; METHOD comes before URL/],
  [['explain', '-H', 'nonsense', 'GET', '/'], /-H: "nonsense" is no field/],
  [['tcp', '-h', '127.0.0.1'], /pointsman tcp: the module with the route is missing; name it with -c/],
  [['tcp', '-c', 'router.mjs', '-p', '70000'], /--port: bad port "70000"/],
  [['demo-server', 'a'], /NAME and HOST:PORT are needed/],
]

for (const [args, message] of misuses) {
  test(`usage: pointsman ${args.join(' ')}`, async () => {
    const { code, stdout, stderr } = await run(args)
    assert.equal(code, 2)
    assert.equal(stdout, '')
    assert.match(stderr, message)
  })
}

test('a missing file is named, and so is the way to get one', async (t) => {
  const cwd = folder(t)
  for (const command of [['check'], ['explain', 'GET', '/']]) {
    const { code, stderr } = await run(command, { cwd })
    assert.equal(code, 1)
    assert.match(stderr, /^proxy\.conf: there is no such file/)
    assert.match(stderr, /cp \S+proxy\.conf\.example proxy\.conf/)
  }
  const { stderr } = await run(['check', '-c', 'other.conf'], { cwd })
  assert.match(stderr, /^other\.conf: there is no such file/)
})

test('a reader that leaves early is no failure', async () => {
  const { spawn } = await import('node:child_process')
  const child = spawn(process.execPath, ['dist/cli/main.js', 'explain', '-c', 'proxy.conf.example', 'GET', '/a.php'], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  child.stdout.destroy()
  let errors = ''
  child.stderr.on('data', (text) => {
    errors += text
  })
  const code = await new Promise((resolve) => child.on('close', resolve))
  assert.deepEqual([code, errors], [0, ''])
})
