import { describe, expect, it } from 'vitest'
import { CallFailure, FAILURE_CODES } from '../call/failure.ts'
import type { CallState, LiveState } from '../call/state.ts'
import {
  actionWords,
  DOUBTS,
  FAILURES,
  listeningWords,
  pathWords,
  statusWords,
  WAYS,
} from './words.ts'

const JARGON = /\b(ICE|TURN|STUN|SDP|WebRTC|HTTP|API|node|worker|peer|candidate|server|error)\b/i

describe('the words for failures', () => {
  it('are there for every code, in plain language, with a way on', () => {
    expect(Object.keys(FAILURES).toSorted()).toEqual([...FAILURE_CODES].toSorted())
    for (const code of FAILURE_CODES) {
      const { title, what, way } = FAILURES[code]
      expect(`${title} ${what}`, code).not.toMatch(JARGON)
      expect(title, code).toMatch(/^[A-Z].*[^.]$/)
      expect(what, code).toMatch(/^[A-Z].*\.$/)
      expect(title.length, code).toBeLessThanOrEqual(44)
      expect(WAYS[way], code).toBeTruthy()
    }
  })

  it('tell the failures apart', () => {
    const said = FAILURE_CODES.map((code) => `${FAILURES[code].title} ${FAILURES[code].what}`)
    expect(new Set(said).size).toBe(FAILURE_CODES.length)
  })

  it('offer another try for every part that may come back', () => {
    for (const code of ['offline', 'no-node', 'fleet-full', 'relay-unreachable', 'lost'] as const) {
      const failed: CallState = {
        status: 'failed',
        failure: new CallFailure(code, 'x'),
        call: undefined,
      }
      expect(actionWords(failed)).toBe('Try again')
    }
  })
})

describe('the words for a call that takes long', () => {
  const late = { status: 'connecting', step: 'late', since: 1 } as const

  it.each(Object.entries(DOUBTS))('say of %s that it is still tried', (code, { title, hint }) => {
    const doubt = new CallFailure(code as keyof typeof DOUBTS, 'x')
    expect(statusWords({ ...late, doubt })).toEqual({ title, hint })
    expect(`${title} ${hint}`).not.toMatch(JARGON)
    expect(hint).toMatch(/Still trying/)
  })

  it('blame nothing where the network is merely slow, and say the failure where that is known', () => {
    expect(statusWords({ ...late, doubt: undefined }).title).toBe('Still connecting')
    const doubt = new CallFailure('credentials-refused', 'x')
    expect(statusWords({ ...late, doubt }).title).toBe(FAILURES['credentials-refused'].title)
  })
})

describe('statusWords', () => {
  it('prefers what the other side said at the end', () => {
    const ended = { status: 'ended', why: 'handler' } as const
    expect(statusWords({ ...ended, message: 'See you.' }).hint).toBe('See you.')
    expect(statusWords({ ...ended, message: '' }).hint).not.toBe('')
    expect(statusWords({ ...ended, message: undefined }).hint).not.toBe('')
  })
})

describe('the words for what went wrong in a call', () => {
  const live: LiveState = {
    status: 'live',
    call: 'eu-abcdefghijklmnopqrstuv',
    since: 1,
    mode: 'turns',
    floor: 'nobody',
    speaking: false,
    answer: { kind: 'none' },
    notice: { kind: 'started-over' },
  }

  it('say that a conversation had to start over, while nobody speaks', () => {
    expect(statusWords(live)).toMatchObject({
      title: 'We are back',
      hint: expect.stringContaining('start over'),
    })
    expect(statusWords({ ...live, floor: 'reply' }).title).toBe('Answering')
  })

  it('pass on what the handler said', () => {
    const notice = { kind: 'turn-failed', message: 'It broke.' } as const
    expect(statusWords({ ...live, notice }).hint).toMatch(/^It broke\./)
  })
})

describe('listeningWords', () => {
  it('says first that the microphone is muted, then what the detector needs', () => {
    expect(listeningWords({ detector: 'ready', muted: false })).toBeUndefined()
    expect(listeningWords({ detector: 'failed', muted: true })?.title).toBe('Muted')
    for (const detector of ['slow', 'failed'] as const) {
      expect(listeningWords({ detector, muted: false })?.hint).toMatch(/hold the button below/)
    }
    expect(listeningWords({ detector: 'loading', muted: false })?.hint).toMatch(/Warming up/)
  })
})

describe('pathWords', () => {
  it.each([
    [{ via: 'relay', transport: 'udp', rttMs: 23, loss: 0 }, 'Relay · UDP · 23 ms'],
    [{ via: 'relay', transport: 'tls', rttMs: 0, loss: 0 }, 'Relay · TLS · <1 ms'],
    [{ via: 'direct', transport: 'tcp', rttMs: undefined, loss: 0 }, 'Direct · TCP'],
  ] as const)('%o', (path, words) => {
    expect(pathWords(path)).toBe(words)
  })
})
