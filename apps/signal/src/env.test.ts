import { describe, expect, it } from 'vitest'
import { readSettings } from './env.ts'

const sound = {
  FLEET: {},
  CALL_LIMIT: {},
  TURN_SECRET: '4f1c09d27be58a36f0e1c2b3a4958677',
  NODE_TOKEN: 'c07d5b1e9a8f4e63b2d1f0a9c8e7b6d5',
}

function problemsOf(env: unknown): readonly string[] {
  const result = readSettings(env)
  return result.ok ? [] : result.problems
}

function settingsOf(
  env: unknown,
): Extract<ReturnType<typeof readSettings>, { ok: true }>['settings'] {
  const result = readSettings(env)
  if (!result.ok) throw new Error(result.problems.join('; '))
  return result.settings
}

describe('readSettings', () => {
  it('fills in what has a default', () => {
    expect(settingsOf(sound)).toEqual({
      turnSecret: sound.TURN_SECRET,
      nodeToken: sound.NODE_TOKEN,
      turnTtlSeconds: 3600,
      allowedOrigins: [],
      regions: [{ name: 'global' }],
    })
  })

  it('tells every problem at once', () => {
    const problems = problemsOf({
      FLEET: {},
      TURN_SECRET: 'changeme',
      TURN_TTL_SECONDS: 'soon',
      ALLOWED_ORIGINS: 'example.org',
      REGIONS: 'EU',
    })
    expect(problems.map((problem) => problem.split(' ')[0])).toEqual([
      'CALL_LIMIT',
      'TURN_SECRET',
      'NODE_TOKEN',
      'TURN_TTL_SECONDS',
      'ALLOWED_ORIGINS',
      'REGIONS',
    ])
    expect(problems[2]).toContain('is missing')
  })

  it.each([
    'changeme',
    'secret',
    'placeholder',
    'your-turn-secret-goes-here-000000001',
    '<a-long-random-value-of-your-making>',
    'a'.repeat(64),
    'abcabcabcabcabcabcabcabcabcabcabcabc',
    '4f1c09d27be58a36f0e1c2b3a495867',
    'with a blank 09d27be58a36f0e1c2b3a4958677',
    'quoted"09d27be58a36f0e1c2b3a4958677#4f1c',
  ])('refuses the secret %j and does not repeat it', (TURN_SECRET) => {
    const problems = problemsOf({ ...sound, TURN_SECRET })
    expect(problems).toHaveLength(1)
    expect(problems[0]).toMatch(/^TURN_SECRET /)
    expect(problems[0]?.replace('a placeholder', '')).not.toContain(TURN_SECRET)
  })

  it('wants two different secrets', () => {
    expect(problemsOf({ ...sound, NODE_TOKEN: sound.TURN_SECRET })).toEqual([
      'NODE_TOKEN is the same as TURN_SECRET: generate one for each',
    ])
  })

  it.each([
    ['1', 60],
    ['60', 60],
    ['600', 600],
    ['999999999', 14_400],
  ])('holds a TTL of %s s between its bounds: %i s', (TURN_TTL_SECONDS, seconds) => {
    expect(settingsOf({ ...sound, TURN_TTL_SECONDS }).turnTtlSeconds).toBe(seconds)
  })

  it('never repeats a value that is not text either', () => {
    expect(problemsOf({ ...sound, TURN_SECRET: 123_456 }).join()).not.toContain('123456')
  })

  it('reads origins', () => {
    const ALLOWED_ORIGINS = 'https://example.org, http://localhost:5173'
    expect(settingsOf({ ...sound, ALLOWED_ORIGINS }).allowedOrigins).toEqual([
      'https://example.org',
      'http://localhost:5173',
    ])
    for (const bad of ['https://example.org/', 'https://example.org/page', 'ftp://a.org', '*']) {
      expect(problemsOf({ ...sound, ALLOWED_ORIGINS: bad })).toHaveLength(1)
    }
  })

  it('reads regions', () => {
    expect(settingsOf({ ...sound, REGIONS: 'eu@50.1,8.7 us@39,-77.5 sea' }).regions).toEqual([
      { name: 'eu', position: { latitude: 50.1, longitude: 8.7 } },
      { name: 'us', position: { latitude: 39, longitude: -77.5 } },
      { name: 'sea' },
    ])
    for (const bad of ['', 'eu eu', 'eu@', 'eu@91,0', 'eu@0,181', 'eu@50', 'e-u', 'eu,us']) {
      expect(problemsOf({ ...sound, REGIONS: bad })).toHaveLength(1)
    }
  })
})
