import { safeParse } from 'valibot'
import { describe, expect, it } from 'vitest'
import {
  MAX_CALL_EVENT_BYTES,
  MAX_MISSED_SAMPLES,
  MAX_STATE_BYTES,
  parseFromNode,
  parseNodeEvent,
  parsePageEvent,
  parseToNode,
  problem,
  PROBLEMS,
  regionOf,
  regionOfResume,
  secretSchema,
  turnUrlSchema,
} from './index.ts'

const CALL = 'eu-abcdefghijklmnopqrstuv'

describe('events and frames', () => {
  it('drop what a newer end has added, and keep the rest', () => {
    const text = JSON.stringify({ type: 'speech.start', at: 5, loudness: -20 })
    expect(parsePageEvent(text)).toEqual({ type: 'speech.start', at: 5 })
  })

  it.each(['', '{', 'null', '[]', '{"type":"speech.start"}', '{"type":"speech.sing","at":1}'])(
    'are nothing when they are not of the protocol: %s',
    (text) => {
      expect(parsePageEvent(text)).toBeUndefined()
      expect(parseNodeEvent(text)).toBeUndefined()
      expect(parseFromNode(text)).toBeUndefined()
      expect(parseToNode(text)).toBeUndefined()
    },
  )

  it('are nothing when they are too long', () => {
    const output = (length: number) => JSON.stringify({ type: 'output', data: 'x'.repeat(length) })
    expect(parseNodeEvent(output(100))).toBeDefined()
    expect(parseNodeEvent(output(MAX_CALL_EVENT_BYTES))).toBeUndefined()
  })

  it('name calls by well-formed ids alone', () => {
    const hangup = (call: string) => JSON.stringify({ type: 'hangup', call, reason: 'deleted' })
    expect(parseToNode(hangup(CALL))).toBeDefined()
    expect(parseToNode(hangup('../etc'))).toBeUndefined()
  })

  it('keep no more of a conversation than is agreed, counted in bytes', () => {
    const keep = (state: string) =>
      JSON.stringify({ type: 'keep', call: CALL, kept: { turn: 1, state } })
    expect(parseFromNode(keep('x'.repeat(MAX_STATE_BYTES)))).toBeDefined()
    expect(parseFromNode(keep('é'.repeat(MAX_STATE_BYTES / 2 + 1)))).toBeUndefined()
  })

  it.each([0, -1, 1.5, MAX_MISSED_SAMPLES + 1])('announce no %d samples of speech', (samples) => {
    const missed = { samples, speaking: true, again: false }
    const event = { type: 'call.catch-up', turn: 0, missed }
    expect(parsePageEvent(JSON.stringify(event))).toBeUndefined()
  })

  it.each([
    { turn: 1e300 },
    { turn: 1, heard: { turn: 1, ms: 1e300 } },
    { turn: 1, heard: { turn: -1, ms: 0 } },
  ])('count no further than can be counted on from: %j', (said) => {
    expect(parsePageEvent(JSON.stringify({ type: 'call.catch-up', ...said }))).toBeUndefined()
  })

  it('tell a new connection what was heard and what was missed', () => {
    const event = {
      type: 'call.catch-up',
      turn: 2,
      heard: { turn: 2, ms: 1234.5 },
      missed: { samples: MAX_MISSED_SAMPLES, speaking: false, again: true },
    }
    expect(parsePageEvent(JSON.stringify(event))).toEqual(event)
    const bare = { type: 'call.catch-up', turn: 0 }
    expect(parsePageEvent(JSON.stringify(bare))).toEqual(bare)
  })
})

describe('a call id', () => {
  it('says its region', () => {
    expect(regionOf(CALL)).toBe('eu')
    expect(regionOf('eu-short')).toBeUndefined()
  })
})

describe('a resume token', () => {
  it('says where its conversation is kept', () => {
    expect(regionOfResume(`eu.${'a'.repeat(43)}`)).toBe('eu')
  })

  it.each(['', 'eu', `eu.${'a'.repeat(42)}`, `EU.${'a'.repeat(43)}`, `eu-${'a'.repeat(43)}`])(
    'is nothing like "%s"',
    (token) => {
      expect(regionOfResume(token)).toBeUndefined()
    },
  )
})

describe('a TURN URL', () => {
  it.each([
    'turn:203.0.113.1:3478?transport=udp',
    'turns:turn.example.org:443?transport=tcp',
    'turn:[2001:db8::1]:3478',
    'turn:relay',
  ])('may be %s', (url) => expect(safeParse(turnUrlSchema, url).success).toBe(true))

  it.each([
    'stun:a.example',
    'turn:',
    'turn:a.example?transport=tls',
    'turn:a b',
    'turn:u@a.example',
  ])('may not be %s', (url) => expect(safeParse(turnUrlSchema, url).success).toBe(false))
})

describe('a secret', () => {
  it('may be random in hexadecimal or base64url', () => {
    expect(safeParse(secretSchema, '0f1e2d3c4b5a69788796a5b4c3d2e1f0').success).toBe(true)
    expect(safeParse(secretSchema, 'aK9-_bQ2xR7mZ4tW8yC1vN5pL3jH6gF0').success).toBe(true)
  })

  it.each([
    'short',
    'a'.repeat(40),
    'change-me-change-me-change-me-change-me',
    'with spaces 0123456789 abcdefghij',
  ])('may not be %s, and is not in the refusal', (value) => {
    const result = safeParse(secretSchema, value)
    expect(result.success).toBe(false)
    expect(result.issues?.map(({ message }) => message).join()).not.toContain(value)
  })
})

describe('a problem', () => {
  it('has a status and a name of its own for each code', () => {
    const codes = Object.keys(PROBLEMS)
    expect(codes.length).toBeGreaterThan(10)
    expect(problem('fleet-full', 'why')).toEqual({
      type: 'urn:earshot:problem:fleet-full',
      title: PROBLEMS['fleet-full'].title,
      status: 503,
      code: 'fleet-full',
      detail: 'why',
    })
    expect(problem('fleet-full')).not.toHaveProperty('detail')
  })
})
