import { spawnSync } from 'node:child_process'
import { createServer } from 'node:http'
import { once } from 'node:events'
import { existsSync, statSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { freePort, holderOf, isTaken } from './ports.ts'
import { startPart, whenReady } from './process.ts'
import { makeSecrets } from './secrets.ts'

const sh = (script: string, more: object = {}): ReturnType<typeof startPart> =>
  startPart({ name: 'part', command: '/bin/sh', args: ['-c', script], ...more })

/** A process that has ended may be listed until its parent has asked for it: state Z. */
const gone = (pid: number): boolean => {
  const { stdout } = spawnSync('ps', ['-o', 'stat=', '-p', String(pid)], { encoding: 'utf8' })
  return stdout.trim() === '' || stdout.startsWith('Z')
}

describe('a part', () => {
  it('is told with its last words when it ends too early', async () => {
    const part = await sh('echo the port is taken; exit 3')
    const ready = whenReady(part, async () => false, 5000)
    await expect(ready).rejects.toThrow(/part: ended \(exit code 3\)[^]*the port is taken/)
  })

  it('is told when it does not get ready', async () => {
    const part = await sh('echo thinking; sleep 60')
    await expect(whenReady(part, async () => false, 100)).rejects.toThrow(/not ready/)
    await part.stop()
  })

  it('that is not there is named', async () => {
    const start = startPart({ name: 'relay', command: '/nowhere/turnserver', args: [] })
    await expect(start).rejects.toThrow(/relay: cannot be started/)
  })

  it('takes what it has started with it, and may be stopped twice', async () => {
    const lines: string[] = []
    const part = await sh('sleep 60 & echo $!; wait', {
      onLine: (line: string) => lines.push(line),
    })
    await whenReady(part, async () => lines.length > 0, 5000)
    await Promise.all([part.stop(), part.stop()])
    expect(await part.ended).toBe('signal SIGTERM')
    await delay(100)
    expect(gone(Number(lines[0]))).toBe(true)
  })

  it('that does not listen to SIGTERM is killed', async () => {
    const lines: string[] = []
    const onLine = (line: string): number => lines.push(line)
    const part = await sh("trap '' TERM; echo deaf; while :; do sleep 1; done", {
      onLine,
      graceMs: 300,
    })
    await whenReady(part, async () => lines.length > 0, 5000)
    await part.stop()
    expect(await part.ended).toBe('signal SIGKILL')
  })

  it('ends with its signal, and is not started after it', async () => {
    const end = new AbortController()
    const part = await sh('sleep 60', { signal: end.signal })
    end.abort()
    expect(await part.ended).toBe('signal SIGTERM')
    await expect(sh('sleep 60', { signal: end.signal })).rejects.toThrow(/abort/i)
  })

  it('gets no secret of ours that it was not given', async () => {
    process.env['TURN_SECRET'] = 'not for the parts'
    const part = await sh('echo "secret: ${TURN_SECRET:-none}"')
    delete process.env['TURN_SECRET']
    await part.ended
    expect(part.lastLines()).toEqual(['secret: none'])
  })
})

it('a port: free, then taken, by whom', async () => {
  const port = await freePort()
  expect(await isTaken(port, 'tcp', '127.0.0.1')).toBe(false)
  const server = createServer().listen(port, '127.0.0.1')
  await once(server, 'listening')
  expect(await isTaken(port, 'tcp', '127.0.0.1')).toBe(true)
  expect(await isTaken(port, 'udp', '127.0.0.1')).toBe(false)
  // Where neither ss nor lsof is installed nobody can tell.
  expect(await holderOf(port, 'tcp')).toSatisfy(
    (holder: string | undefined) => holder === undefined || holder.includes(`pid ${process.pid}`),
  )
  server.close()
})

it('secrets: fresh, in files of their own, and gone afterwards', () => {
  const one = makeSecrets()
  const two = makeSecrets()
  expect(one.turnSecret).toMatch(/^[0-9a-f]{64}$/)
  expect(new Set([one.turnSecret, one.nodeToken, two.turnSecret, two.nodeToken]).size).toBe(4)
  expect(statSync(one.turnSecretFile).mode & 0o777).toBe(0o600)
  expect(statSync(one.directory).mode & 0o777).toBe(0o700)
  one.remove()
  two.remove()
  expect(existsSync(one.directory)).toBe(false)
})
