import { describe, expect, it } from 'vitest'
import { type AudioElement, createSpeaker } from './speaker.ts'
import { FakeClock, fakeStream, settle } from './testing.ts'

function fakeElement(options: { volumeIsFixed?: boolean; play?: () => Promise<void> } = {}) {
  const volumes: number[] = []
  let volume = 1
  const element: AudioElement = {
    srcObject: null,
    muted: false,
    autoplay: false,
    get volume() {
      return volume
    },
    set volume(next) {
      volumes.push(next)
      if (!options.volumeIsFixed) volume = next
    },
    play: options.play ?? (() => Promise.resolve()),
    pause: () => {},
  }
  return { element, volumes }
}

describe('the speaker', () => {
  it('ducks within 30 ms and comes back', async () => {
    const clock = new FakeClock()
    const { element } = fakeElement()
    const speaker = createSpeaker(element, clock, () => {})
    speaker.duck(true)
    expect(element.volume).toBeLessThan(1)
    await clock.pass(30)
    expect(element.volume).toBeCloseTo(0.15)
    speaker.duck(false)
    await clock.pass(30)
    expect(element.volume).toBeCloseTo(1)
  })

  it('lets the last word win when it comes during a ramp', async () => {
    const clock = new FakeClock()
    const { element } = fakeElement()
    const speaker = createSpeaker(element, clock, () => {})
    speaker.duck(true)
    await clock.pass(8)
    speaker.duck(false)
    await clock.pass(100)
    expect(element.volume).toBeCloseTo(1)
  })

  it('mutes where the volume cannot be set', () => {
    const { element } = fakeElement({ volumeIsFixed: true })
    const speaker = createSpeaker(element, new FakeClock(), () => {})
    speaker.duck(true)
    expect(element.muted).toBe(true)
    speaker.duck(false)
    expect(element.muted).toBe(false)
  })

  it('tells when the browser wants a tap, and when it has had it', async () => {
    const told: boolean[] = []
    let allowed = false
    const { element } = fakeElement({
      play: () =>
        allowed ? Promise.resolve() : Promise.reject(new DOMException('no', 'NotAllowedError')),
    })
    const speaker = createSpeaker(element, new FakeClock(), (blocked) => told.push(blocked))
    speaker.attach(fakeStream().stream)
    await settle()
    allowed = true
    speaker.unblock()
    await settle()
    expect(told).toEqual([true, false])
  })

  it('takes the next stream’s AbortError for what it is', async () => {
    const told: boolean[] = []
    const { element } = fakeElement({
      play: () => Promise.reject(new DOMException('interrupted', 'AbortError')),
    })
    createSpeaker(element, new FakeClock(), (blocked) => told.push(blocked)).attach(
      fakeStream().stream,
    )
    await settle()
    expect(told).toEqual([])
  })
})
