/** `pnpm dev` itself, with its real parts on free ports: starts, ends, and leaves nothing behind. */
import type { ChildProcess } from 'node:child_process'
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, describe, expect, it } from 'vitest'
import { LOOPBACK, ROOT } from './stack/places.ts'
import { freePort, freeRange } from './stack/ports.ts'
import { baseEnvironment } from './stack/process.ts'

const DEV = `${ROOT}/scripts/dev.ts`
let child: ChildProcess | undefined
let output = ''

afterEach(() => {
  child?.kill('SIGKILL')
  child = undefined
  output = ''
})

async function startDev(
  more: Record<string, string> = {},
  command: readonly [string, ...string[]] = [process.execPath, DEV],
): Promise<ChildProcess> {
  const media = await freeRange(20, LOOPBACK.media)
  const env = {
    ...baseEnvironment(),
    EARSHOT_PORT: String(await freePort()),
    EARSHOT_TURN_PORT: String(await freePort()),
    EARSHOT_MEDIA_PORTS: `${media}-${media + 19}`,
    ...more,
  }
  const started = spawn(command[0], command.slice(1), { cwd: ROOT, env, detached: true })
  for (const stream of [started.stdout, started.stderr]) {
    stream.on('data', (data) => (output += String(data)))
  }
  child = started
  return started
}

async function isReady(started: ChildProcess): Promise<void> {
  const until = Date.now() + 60_000
  while (!output.includes('Earshot is ready')) {
    if (started.exitCode !== null || Date.now() > until) throw new Error(`not ready:\n${output}`)
    await delay(50)
  }
}

/** Everything that a process has started, and what that has started. */
function descendants(pid: number): { readonly pid: number; readonly command: string }[] {
  const text = execFileSync('ps', ['-A', '-o', 'pid=,ppid=,args='], { encoding: 'utf8' })
  const rows = text.split('\n').flatMap((line) => {
    const [, own, parent, command] = /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line) ?? []
    return command === undefined ? [] : [{ pid: Number(own), parent: Number(parent), command }]
  })
  const under = (parent: number): typeof rows => {
    const children = rows.filter((row) => row.parent === parent)
    return children.concat(children.flatMap((row) => under(row.pid)))
  }
  return under(pid).filter(({ command }) => !command.startsWith('ps -A'))
}

function alive(pids: readonly number[]): string[] {
  const found = execFileSync('ps', ['-A', '-o', 'pid=,stat=,args='], { encoding: 'utf8' })
  return found
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => pids.includes(Number.parseInt(line, 10)) && !/^\d+\s+Z/.test(line))
}

async function allGone(pids: readonly number[], withinMs: number): Promise<string[]> {
  const until = Date.now() + withinMs
  while (alive(pids).length > 0 && Date.now() < until) await delay(100)
  return alive(pids)
}

describe('a development run', () => {
  it('gets ready, and Ctrl-C ends all of it', { timeout: 90_000 }, async () => {
    const dev = await startDev()
    const exit = once(dev, 'exit')
    await isReady(dev)
    const parts = descendants(dev.pid ?? 0)
    const commands = parts.map(({ command }) => command).join('\n')
    for (const part of ['turnserver', 'vite', 'workerd', 'apps/media/src/main.ts']) {
      expect(commands).toContain(part)
    }
    const url = /http:\/\/localhost:\d+\//.exec(output)?.[0] ?? ''
    expect(output.split('http://').length - 1).toBe(1)
    const health = await fetch(`${url.replace('localhost', '127.0.0.1')}v1/health`)
    expect(await health.json()).toMatchObject({ ready: true })
    dev.kill('SIGINT')
    const [code] = (await exit) as [number | null]
    expect(code).toBe(0)
    const left = await allGone(
      parts.map(({ pid }) => pid),
      3000,
    )
    expect(left).toEqual([])
  })

  it('ends when the package runner above it is killed', { timeout: 90_000 }, async () => {
    // A shell stands in for npx: it is named so, and hands no signal on.
    const runner = await startDev({}, [
      '/bin/sh',
      '-c',
      '"$1" "$2"; exit $?',
      'npx',
      process.execPath,
      DEV,
    ])
    await isReady(runner)
    const parts = descendants(runner.pid ?? 0)
    expect(parts.length).toBeGreaterThan(4)
    runner.kill('SIGKILL')
    const left = await allGone(
      parts.map(({ pid }) => pid),
      15_000,
    )
    expect(left).toEqual([])
  })

  it('leaves nothing when it is killed itself', { timeout: 90_000 }, async () => {
    const dev = await startDev()
    await isReady(dev)
    const parts = descendants(dev.pid ?? 0)
    expect(parts.length).toBeGreaterThan(4)
    dev.kill('SIGKILL')
    const left = await allGone(
      parts.map(({ pid }) => pid),
      15_000,
    )
    expect(left).toEqual([])
  })

  it('names the part that crashed, and fails', { timeout: 90_000 }, async () => {
    const dev = await startDev()
    const exit = once(dev, 'exit')
    await isReady(dev)
    const parts = descendants(dev.pid ?? 0)
    const relay = parts.find(({ command }) => command.startsWith('turnserver'))
    process.kill(relay?.pid ?? 0, 'SIGKILL')
    const [code] = (await exit) as [number | null]
    expect(code).toBe(1)
    expect(output).toContain('relay: ended (signal SIGKILL)')
    expect(output).toContain('infra/coturn/README.md')
    const left = await allGone(
      parts.map(({ pid }) => pid),
      3000,
    )
    expect(left).toEqual([])
  })

  it('says at once which part needs a port that is taken', async () => {
    const port = await freePort()
    const holder = createServer().listen(port, '127.0.0.1')
    await once(holder, 'listening')
    const dev = await startDev({ EARSHOT_PORT: String(port) })
    const [code] = (await once(dev, 'exit')) as [number | null]
    holder.close()
    expect(code).toBe(1)
    expect(output).toContain(`The page needs TCP port ${port}, which is taken by`)
    expect(output).toContain(`EARSHOT_PORT=${port + 1}`)
  })

  it(
    'names the handlers when it is asked for one that is not there',
    { timeout: 90_000 },
    async () => {
      const dev = await startDev({}, [process.execPath, DEV, '--handler', 'nonesuch'])
      const [code] = (await once(dev, 'exit')) as [number | null]
      expect(code).toBe(1)
      expect(output).toMatch(/media: ended[\s\S]*HANDLER must be one of/)
    },
  )
})
