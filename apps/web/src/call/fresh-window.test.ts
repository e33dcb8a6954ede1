import { afterEach, describe, expect, it, vi } from 'vitest'
import { openFreshWindow } from './fresh-window.ts'

const Here = () => {}
const There = () => {}

/** A document with one body, and what was put into it. */
function page(navigator: object, contentWindow: object | null) {
  const frames: object[] = []
  const createElement = () => {
    const frame = {
      contentWindow,
      hidden: false,
      remove: () => frames.splice(frames.indexOf(frame), 1),
    }
    return frame
  }
  vi.stubGlobal('navigator', navigator)
  vi.stubGlobal('document', { createElement, body: { append: (one: object) => frames.push(one) } })
  vi.stubGlobal('RTCPeerConnection', Here)
  return frames
}

afterEach(() => vi.unstubAllGlobals())

describe('a window for a connection that must know the addresses of now', () => {
  it('is a hidden frame in Chromium, which goes when it is closed', () => {
    const frames = page({ userAgentData: {} }, { RTCPeerConnection: There })
    const fresh = openFreshWindow()
    expect(fresh.RTCPeerConnection).toBe(There)
    expect(frames).toMatchObject([{ hidden: true }])
    fresh.close()
    fresh.close()
    expect(frames).toEqual([])
  })

  it.each([
    ['in other browsers', {}, { RTCPeerConnection: There }],
    ['where a frame has no window', { userAgentData: {} }, null],
    ['where a frame may not connect', { userAgentData: {} }, {}],
  ])('is the page itself %s, and leaves nothing behind', (_, navigator, contentWindow) => {
    const frames = page(navigator, contentWindow)
    const fresh = openFreshWindow()
    expect(fresh.RTCPeerConnection).toBe(Here)
    fresh.close()
    expect(frames).toEqual([])
  })
})
