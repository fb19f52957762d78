// Git repositories on several machines behind one address: the first packet of a client names the repository, and the
// name before the slash leads to its home. Needs git; the repositories are made in a folder that goes with the program.
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createTcpRouter } from 'pointsman/tcp'

const folder = mkdtempSync(join(tmpdir(), 'tcp-git-'))
const homes = new Map([
  ['ada', await startDaemon('ada')],
  ['bob', await startDaemon('bob')],
])

const router = createTcpRouter((data) => {
  // Four digits, which are the length of the packet, then: git-upload-pack /ada/project.git\0host=example.org\0
  const request = /^[0-9a-f]{4}git-upload-pack \/([\w.-]+)\/[\w.-]+\0/.exec(data.toString('latin1'))
  if (request === null) return data.length < 1024 ? { noop: true } : { close: true }
  const remote = homes.get(request[1])
  // An error as Git shows it: a packet that begins with ERR.
  return remote === undefined ? { close: '0019ERR no such home here' } : { remote }
})
router.on('connectError', (remote, error) => console.log(`${remote}: ${error.message}`))
const { port } = await router.listen(Number(process.env.PORT ?? 9418), '127.0.0.1')

console.log(`Listening on tcp://127.0.0.1:${port}
  git clone git://127.0.0.1:${port}/ada/project.git from-ada
  git clone git://127.0.0.1:${port}/bob/project.git from-bob
  git clone git://127.0.0.1:${port}/eve/project.git from-eve    # nobody is called so`)

for (const signal of ['SIGTERM', 'SIGINT']) process.once(signal, () => router.close().then(() => process.exit()))

/** A daemon with one repository, in which a file says whose it is. */
async function startDaemon(name) {
  const base = join(folder, name)
  const git = (...args) => execFileSync('git', args, { stdio: 'ignore' })
  git('init', '-q', join(base, 'work'))
  writeFileSync(join(base, 'work', 'README'), `This is the home of ${name}.\n`)
  git('-C', join(base, 'work'), 'add', 'README')
  git('-C', join(base, 'work'), '-c', `user.name=${name}`, '-c', 'user.email=git@example.org', 'commit', '-qm', 'Begin')
  git('clone', '-q', '--bare', join(base, 'work'), join(base, name, 'project.git'))
  const port = await freePort()
  const options = ['--reuseaddr', '--export-all', '--listen=127.0.0.1', `--port=${port}`, `--base-path=${base}`]
  const daemon = spawn('git', ['daemon', ...options], { stdio: 'ignore' })
  daemon.unref()
  process.once('exit', () => {
    daemon.kill()
    rmSync(folder, { recursive: true, force: true })
  })
  return `127.0.0.1:${port}`
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address()
  server.close()
  await once(server, 'close')
  return port
}
