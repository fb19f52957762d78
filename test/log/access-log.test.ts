import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  constants,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { test } from 'node:test'
import { systemClock } from '#lib/clock.js'
import { AccessLog, type AccessLogSettings } from '#lib/log/access-log.js'
import { type LogSink, sinkTo } from '#lib/log/sink.js'
import { ManualClock } from '../support/clock.js'
import { folder } from '../support/process.js'
import { settle } from '../support/rig.js'
import { eventually } from '../support/wire.js'
import { entryOf } from './entries.js'

interface Logged {
  readonly log: AccessLog
  readonly clock: ManualClock
  /** What the log has said of itself. */
  readonly said: string[]
}

function logTo(target: string | Writable | LogSink, settings: Partial<AccessLogSettings> = {}): Logged {
  const said: string[] = []
  const clock = new ManualClock()
  const say = (level: string) => (message: string) => said.push(`${level} ${message}`)
  const logger = { info: say('info'), warn: say('warn'), error: say('error') }
  const sink = typeof target === 'string' || target instanceof Writable ? sinkTo(target) : target
  return { log: new AccessLog(sink, { format: 'json', logger, clock, ...settings }), clock, said }
}

/** Writes entries whose targets are the numbers from `from` to `to`, without the latter. */
function writeNumbers(log: AccessLog, from: number, to: number): void {
  for (let i = from; i < to; i++) log.write(entryOf({ target: String(i) }))
}

/** The numbers of the lines of a text; throws when a line is no whole line. */
function numbers(text: string): number[] {
  assert.ok(text === '' || text.endsWith('\n'), 'the last line is cut')
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => Number((JSON.parse(line) as { target: string }).target))
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, i) => from + i)
}

/** A stream that takes a write when it is told to. */
class Held extends Writable {
  readonly writes: string[] = []
  readonly #pending: ((error?: Error) => void)[] = []

  override _write(chunk: Buffer, _: string, done: (error?: Error) => void): void {
    this.writes.push(chunk.toString())
    this.#pending.push(done)
  }

  get pending(): number {
    return this.#pending.length
  }

  async take(): Promise<void> {
    await eventually(() => this.pending > 0, 'a write')
    this.#pending.shift()!()
  }
}

test('lines go to the end of a file, which others may not read', async (t) => {
  const file = join(folder(t, { 'access.log': 'before\n' }), 'access.log')
  const { log, said } = logTo(file, { format: 'combined' })
  log.write(entryOf())
  log.write(entryOf({ target: '/second' }))
  await log.close()
  const lines = readFileSync(file, 'utf8').split('\n')
  assert.equal(lines.length, 4)
  assert.equal(lines[0], 'before')
  assert.match(lines[1]!, /"GET \/a\?b=c HTTP\/1\.1" 200 512/)
  assert.match(lines[2]!, /"GET \/second HTTP\/1\.1"/)
  assert.deepEqual(said, [])
})

test('a new file is there at once, and not for everybody', async (t) => {
  const file = join(folder(t), 'access.log')
  const { log } = logTo(file)
  await eventually(() => existsSync(file), 'the file')
  assert.equal(statSync(file).mode & 0o007, 0)
  await log.close()
})

test('lines of one turn go out in one write, and those that come during a write in the next', async () => {
  const held = new Held()
  const { log } = logTo(held)
  writeNumbers(log, 0, 3)
  await eventually(() => held.pending === 1, 'a write')
  writeNumbers(log, 3, 5)
  log.write(entryOf({ target: '5' }))
  await new Promise((resolve) => setImmediate(resolve))
  assert.equal(held.pending, 1)
  await held.take()
  await held.take()
  await new Promise((resolve) => setImmediate(resolve))
  writeNumbers(log, 6, 8)
  await held.take()
  await log.close()
  assert.deepEqual(held.writes.map(numbers), [
    [0, 1, 2],
    [3, 4, 5],
    [6, 7],
  ])
})

test('when too much waits, lines are dropped and counted, and the count is told once it goes on', async () => {
  const held = new Held()
  const { log, said } = logTo(held, { limit: 10_000 })
  log.write(entryOf({ target: '0' }))
  await eventually(() => held.pending === 1, 'a write')
  writeNumbers(log, 1, 1001)
  await held.take()
  await eventually(() => held.pending === 1, 'the next write')
  // It is still full: the count may grow.
  assert.deepEqual(said, [])
  await held.take()
  await eventually(() => said.length > 0, 'the count')
  const kept = numbers(held.writes.join(''))
  assert.deepEqual(kept, range(0, kept.length))
  const bytes = Buffer.byteLength(held.writes.join(''))
  assert.ok(bytes > 10_000 && bytes < 10_500, `${bytes} bytes`)
  assert.deepEqual(said, [`warn access log: ${1001 - kept.length} lines dropped, its reader does not keep up`])
  // The count begins anew.
  writeNumbers(log, 5000, 5001)
  await held.take()
  await log.close()
  assert.equal(numbers(held.writes.at(-1)!).at(-1), 5000)
  assert.equal(said.length, 1)
})

test('as much as a mebibyte may wait', async () => {
  const held = new Held()
  const { log } = logTo(held)
  writeNumbers(log, 0, 20_000)
  await held.take()
  await log.close()
  const bytes = Buffer.byteLength(held.writes.join(''))
  assert.ok(bytes > 2 ** 20 && bytes < 2 ** 20 + 500, `${bytes} bytes`)
})

test('rotation: the file is renamed and opened anew, and no line is lost or cut', async (t) => {
  const cwd = folder(t)
  const file = join(cwd, 'access.log')
  const { log, said } = logTo(file)
  let written = 0
  for (let round = 0; round < 20; round++) {
    for (let i = 0; i < 50; i++) {
      writeNumbers(log, written, written + 10)
      written += 10
      await new Promise((resolve) => setImmediate(resolve))
      if (i === 20) {
        await eventually(() => existsSync(file), 'the file')
        renameSync(file, join(cwd, `access.log.${round}`))
      }
      if (i === 30) log.reopen()
    }
  }
  await log.close()
  const files = [...range(0, 20).map((round) => `access.log.${round}`), 'access.log']
  const all = files.map((name) => numbers(readFileSync(join(cwd, name), 'utf8')))
  assert.deepEqual(all.flat(), range(0, written))
  assert.ok(all.slice(0, 20).every((lines) => lines.length > 0))
  assert.deepEqual(said, [])
})

test('after a rotation there is a file again, though nothing was asked for', async (t) => {
  const cwd = folder(t)
  const file = join(cwd, 'access.log')
  const { log } = logTo(file)
  await eventually(() => existsSync(file), 'the file')
  renameSync(file, join(cwd, 'old'))
  log.reopen()
  await eventually(() => existsSync(file), 'the new file')
  await log.close()
})

test('a folder that is missing is told once, and tried again until it is there', async (t) => {
  const cwd = join(folder(t), 'logs')
  const file = join(cwd, 'access.log')
  const { log, clock, said } = logTo(file, { limit: 1000 })
  writeNumbers(log, 0, 2)
  await eventually(() => said.length === 1, 'a complaint')
  assert.match(said[0]!, /^error access log: cannot write to .*access\.log: ENOENT.*; it is tried again$/)
  for (let i = 0; i < 5; i++) {
    await eventually(() => clock.pending === 1, 'the next try to be planned')
    clock.advance(1000)
  }
  assert.equal(said.length, 1)
  writeNumbers(log, 2, 100)
  await eventually(() => clock.pending === 1, 'the next try to be planned')
  mkdirSync(cwd)
  clock.advance(1000)
  await eventually(() => said.length === 3, 'the end of the failure')
  const kept = numbers(readFileSync(file, 'utf8'))
  assert.deepEqual(kept, range(0, kept.length))
  assert.deepEqual(said.slice(1), [
    `info access log: ${file} is written again`,
    `warn access log: ${100 - kept.length} lines dropped, ${file} could not be written`,
  ])
  await log.close()
})

test('reopen tries again at once', async (t) => {
  const cwd = join(folder(t), 'logs')
  const file = join(cwd, 'access.log')
  const { log, said } = logTo(file)
  await eventually(() => said.length === 1, 'a complaint')
  writeNumbers(log, 0, 1)
  mkdirSync(cwd)
  log.reopen()
  await eventually(() => existsSync(file), 'the file')
  await log.close()
  assert.deepEqual(numbers(readFileSync(file, 'utf8')), [0])
})

test('a full disk: told once, the same lines are tried again, and none is cut', async (t) => {
  if (!existsSync('/dev/full')) return t.skip('there is no /dev/full here')
  const file = join(folder(t), 'access.log')
  symlinkSync('/dev/full', file)
  const { log, clock, said } = logTo(file)
  writeNumbers(log, 0, 3)
  await eventually(() => said.length === 1, 'a complaint')
  assert.match(said[0]!, /ENOSPC/)
  await eventually(() => clock.pending === 1, 'the next try to be planned')
  writeNumbers(log, 3, 5)
  clock.advance(1000)
  await eventually(() => clock.pending === 1, 'the next try to be planned')
  rmSync(file)
  log.reopen()
  await eventually(() => said.length === 2, 'the end of the failure')
  await log.close()
  assert.deepEqual(numbers(readFileSync(file, 'utf8')), range(0, 5))
})

/** A sink that takes so many bytes at a time, into the file that is open, as long as there is room. */
class Parts implements LogSink {
  readonly name = 'the parts'
  readonly brake = 'they do not keep up'
  readonly files: string[] = []
  room = Number.POSITIVE_INFINITY
  readonly #size: number

  constructor(size: number) {
    this.#size = size
  }

  async write(bytes: Buffer): Promise<number> {
    await new Promise((resolve) => setImmediate(resolve))
    if (this.room <= 0) throw new Error('no room')
    const count = Math.min(this.#size, this.room, bytes.length)
    this.room -= count
    this.files[this.files.length - 1] += bytes.toString('latin1', 0, count)
    return count
  }

  async reopen(): Promise<void> {
    this.files.push('')
  }

  async close(): Promise<void> {}
}

test('what is written in parts is finished before a new file is opened', async () => {
  const parts = new Parts(100)
  const { log } = logTo(parts)
  writeNumbers(log, 0, 5)
  await eventually(() => (parts.files[0]?.length ?? 0) === 100, 'the first part')
  log.reopen()
  writeNumbers(log, 5, 7)
  await log.close()
  assert.deepEqual(parts.files.map(numbers), [range(0, 5), [5, 6]])
})

test('a line that a full disk has cut is whole in the next file', async () => {
  const parts = new Parts(50)
  parts.room = 700
  const { log, said } = logTo(parts)
  writeNumbers(log, 0, 5)
  await eventually(() => said.length === 1, 'a complaint')
  parts.room = Number.POSITIVE_INFINITY
  log.reopen()
  await log.close()
  const [first = '', second = ''] = parts.files
  assert.equal(first.length, 700)
  const whole = numbers(first.slice(0, first.lastIndexOf('\n') + 1))
  assert.ok(whole.length > 0)
  assert.deepEqual(numbers(second), range(whole.length, 5))
})

test('without a new file it goes on where the disk was full', async () => {
  const parts = new Parts(50)
  parts.room = 700
  const { log, clock, said } = logTo(parts)
  writeNumbers(log, 0, 5)
  await eventually(() => said.length === 1, 'a complaint')
  parts.room = Number.POSITIVE_INFINITY
  await eventually(() => clock.pending === 1, 'the next try to be planned')
  clock.advance(1000)
  await log.close()
  assert.deepEqual(parts.files.map(numbers), [range(0, 5)])
})

test('close writes what waits, once, and later lines are nothing', async (t) => {
  const file = join(folder(t), 'access.log')
  const { log, clock } = logTo(file)
  writeNumbers(log, 0, 1000)
  const closed = log.close()
  assert.equal(log.close(), closed)
  writeNumbers(log, 1000, 1010)
  log.reopen()
  await closed
  assert.deepEqual(numbers(readFileSync(file, 'utf8')), range(0, 1000))
  assert.equal(clock.pending, 0)
})

test('close does not wait for a reader that takes nothing, and says what is lost', async () => {
  const held = new Held()
  const { log, clock, said } = logTo(held)
  writeNumbers(log, 0, 3)
  await eventually(() => held.pending === 1, 'a write')
  writeNumbers(log, 3, 4)
  const closed = log.close()
  clock.advance(1000)
  await closed
  assert.deepEqual(said, ['warn access log: 4 lines lost, its reader does not keep up'])
  assert.equal(clock.pending, 0)
})

test('close gives up when the file cannot be written', async (t) => {
  const file = join(folder(t), 'missing', 'access.log')
  const { log, clock, said } = logTo(file)
  writeNumbers(log, 0, 1)
  await eventually(() => clock.pending === 1, 'the next try to be planned')
  await log.close()
  assert.equal(said.length, 2)
  assert.equal(said[1], `warn access log: 1 line lost, ${file} could not be written`)
  assert.equal(clock.pending, 0)
})

test('a stream that fails is told, not thrown', async () => {
  const broken = new Writable({ write: (_chunk, _encoding, done) => done(new Error('EPIPE: nobody reads')) })
  const { log, said } = logTo(broken)
  writeNumbers(log, 0, 1)
  await eventually(() => said.length === 1, 'a complaint')
  assert.match(said[0]!, /cannot write to the stream: EPIPE: nobody reads/)
  await log.close()
})

/** The reader's end of a FIFO, which never waits. */
function readerOf(path: string): Promise<FileHandle> {
  return open(path, constants.O_RDONLY | constants.O_NONBLOCK)
}

/** Reads what is there. */
async function drain(reader: FileHandle): Promise<string> {
  const bytes = Buffer.alloc(1 << 20)
  try {
    const { bytesRead } = await reader.read(bytes, 0, bytes.length, null)
    return bytes.toString('utf8', 0, bytesRead)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return ''
    throw error
  }
}

test('a FIFO: nothing waits without a reader, and a slow one gets whole lines in order', {
  timeout: 30_000,
}, async (t) => {
  if (process.platform === 'win32') return t.skip('there are no FIFOs here')
  const path = join(folder(t), 'fifo')
  execFileSync('mkfifo', [path])
  const { log, said } = logTo(path, { clock: systemClock, limit: 200_000 })
  writeNumbers(log, 0, 1)
  await eventually(() => said.length === 1, 'a complaint')
  assert.match(said[0]!, /ENXIO/)
  const reader = await readerOf(path)
  log.reopen()
  await eventually(() => said.length === 2, 'the end of the failure')
  // More than the FIFO holds and the log keeps.
  writeNumbers(log, 1, 3001)
  let text = ''
  while (said.length < 3) {
    text += await drain(reader)
    await new Promise((resolve) => setImmediate(resolve))
  }
  const closed = log.close()
  let isClosed = false
  void closed.then(() => {
    isClosed = true
  })
  while (!isClosed) text += await drain(reader)
  text += await drain(reader)
  await reader.close()
  const kept = numbers(text)
  assert.deepEqual(kept, range(0, kept.length))
  assert.equal(said[2], `warn access log: ${3001 - kept.length} lines dropped, the disk does not keep up`)
})

const program = `
import { systemClock } from '#lib/clock.js'
import { AccessLog } from '#lib/log/access-log.js'
import { sinkTo } from '#lib/log/sink.js'
const log = new AccessLog(sinkTo('stdout'), { format: 'json', clock: systemClock, logger: { info() {}, warn: (m) => console.error(m), error: (m) => console.error(m) } })
const entry = { time: 0, client: 'c', method: 'GET', target: '0', protocol: 'HTTP/1.1', status: 200, bytes: 0, duration: 0, entry: 'e', attempts: 1, referer: '', userAgent: '', host: 'h' }
for (let i = 0; i < 2000; i++) log.write({ ...entry, target: String(i) })
setImmediate(() => console.error('turns'))
await log.close()
`

test('stdout: a pipe that nobody reads does not hold up the program', async () => {
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: ['ignore', 'pipe', 'pipe'] })
  let errors = ''
  child.stderr!.setEncoding('utf8').on('data', (text: string) => {
    errors += text
  })
  await eventually(() => /turns\n.*lines lost, its reader does not keep up/.test(errors), 'the end of the wait')
  child.kill('SIGKILL')
  await once(child, 'close')
})

test('stdout: a pipe that is read, and a file, get every line', async (t) => {
  const file = join(folder(t), 'out')
  const toFile = await open(file, 'w')
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', toFile.fd, 'ignore'],
  })
  assert.deepEqual(await once(child, 'close'), [0, null])
  await toFile.close()
  assert.deepEqual(numbers(readFileSync(file, 'utf8')), range(0, 2000))

  const piped = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  let text = ''
  piped.stdout!.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk
  })
  assert.deepEqual(await once(piped, 'close'), [0, null])
  assert.deepEqual(numbers(text), range(0, 2000))
})

test('a file that may not be written is told', async (t) => {
  if (process.getuid?.() === 0) return t.skip('root may write everything')
  const file = join(folder(t, { 'access.log': '' }), 'access.log')
  chmodSync(file, 0o400)
  const { log, said } = logTo(file)
  await eventually(() => said.length === 1, 'a complaint')
  assert.match(said[0]!, /EACCES/)
  await log.close()
})

test('lines are gathered for one write, until the time is over, much waits, or it is closed', async () => {
  const writes: string[] = []
  let opened = false
  const sink: LogSink = {
    name: 'a list',
    brake: 'nothing',
    reopen: async () => {
      opened = true
    },
    write: async (bytes) => {
      writes.push(bytes.toString())
      return bytes.length
    },
    close: async () => {},
  }
  const clock = new ManualClock()
  const logger = { info() {}, warn() {}, error() {} }
  const log = new AccessLog(sink, { format: 'combined', logger, clock, gatherTime: 20 })
  await eventually(() => clock.pending === 1, 'the opening')
  clock.advance(20)
  await eventually(() => opened, 'the opening')
  await settle()
  log.write(entryOf())
  await eventually(() => clock.pending === 1, 'the gathering to begin')
  log.write(entryOf())
  assert.deepEqual(writes, [])
  clock.advance(20)
  await eventually(() => writes.length === 1, 'the write')
  assert.equal(writes.join('').split('\n').length, 3)
  for (let i = 0; i < 2000; i++) log.write(entryOf())
  await eventually(() => writes.join('').split('\n').length === 2003, 'the write of many')
  log.write(entryOf())
  await log.close()
  assert.equal(writes.join('').split('\n').length, 2004)
  assert.equal(clock.pending, 0)
})
