import { describe, expect, it } from 'vitest'
import { mediaLine } from './log.ts'
import { packageRunners } from './lifetime.ts'
import { readPlan } from './preflight.ts'

describe('the plan', () => {
  it('has defaults, and what the environment and the arguments say instead', () => {
    expect(readPlan({}, undefined)).toEqual({
      pagePort: 5173,
      turnPort: 3478,
      mediaPorts: [40_000, 40_099],
      handler: 'echo',
    })
    const env = { EARSHOT_PORT: '8080', EARSHOT_MEDIA_PORTS: '50000-50010', HANDLER: 'tone' }
    expect(readPlan(env, undefined)).toMatchObject({
      pagePort: 8080,
      mediaPorts: [50_000, 50_010],
      handler: 'tone',
    })
    expect(readPlan(env, 'loopback').handler).toBe('loopback')
  })

  it('names every setting that is wrong', () => {
    const env = { EARSHOT_PORT: '0', EARSHOT_TURN_PORT: 'turn', EARSHOT_MEDIA_PORTS: '5-1' }
    const names = /EARSHOT_MEDIA_PORTS[^]*EARSHOT_PORT[^]*EARSHOT_TURN_PORT/
    expect(() => readPlan(env, undefined)).toThrow(names)
  })
})

describe('the package runner above a process', () => {
  const table = [
    { pid: 1, parent: 0, command: 'init' },
    { pid: 10, parent: 1, command: 'bash' },
    { pid: 20, parent: 10, command: 'npm exec pnpm@12.21.0 dev' },
    { pid: 30, parent: 20, command: '/home/ada/.npm/_npx/1/node_modules/pnpm/bin/pnpm dev' },
    { pid: 40, parent: 30, command: 'sh -c node scripts/dev.ts' },
    { pid: 50, parent: 40, command: 'node scripts/dev.ts' },
  ]

  it('is watched up to the topmost, and not the shell that it was typed in', () => {
    expect(packageRunners(table, 50)).toEqual([40, 30, 20])
  })

  it('is nobody when there is none', () => {
    const direct = [table[1], { pid: 50, parent: 10, command: 'node scripts/dev.ts' }]
    expect(
      packageRunners(
        direct.filter((row) => row !== undefined),
        50,
      ),
    ).toEqual([])
  })
})

describe('a line of the media node', () => {
  it('is made short', () => {
    const json =
      '{"level":"info","time":"2026-01-02T03:04:05.678Z","node":"n","region":"global","call":"c-1","ms":23,"msg":"answered"}'
    expect(mediaLine(json)).toBe('03:04:05 answered call=c-1 ms=23')
    expect(mediaLine(json.replace('info', 'warn'))).toContain('warn: answered')
  })

  it('is left alone when it is not JSON', () => {
    expect(mediaLine('{ half a line')).toBe('{ half a line')
    expect(mediaLine('Error: no')).toBe('Error: no')
  })
})
