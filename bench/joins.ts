/** Joins as a person would, timed inside the page from outside its code. */
import type { Page, Request } from '@playwright/test'

export const STEPS = [
  ['post', 'tap → offer posted'],
  ['answer', '→ answer here (HTTP)'],
  ['remote', '→ answer applied'],
  ['ice', '→ relay allocated, path checked (ICE)'],
  ['connected', '→ DTLS up'],
  ['open', '→ data channel open'],
] as const
export type Step = 'tap' | 'mic' | (typeof STEPS)[number][0]
export type Times = Partial<Record<Step, number>>

declare global {
  interface Window {
    earshotTimes: Times
    /** Unix ms of every moment at which a connection of the page came up, DTLS included. */
    earshotConnected: number[]
    /** Has the connections of a window of the page timed too. */
    earshotTime: (frame: Window & typeof globalThis) => void
  }
}

export interface Join {
  readonly times: Times
  /** HTTP requests between the tap and the open call. */
  readonly requests: number
}

/** From the tap to `until`, in ms. NaN when it was not reached. */
export function msFromTap({ times }: Join, until: Step): number {
  return (times[until] ?? Number.NaN) - (times.tap ?? Number.NaN)
}

/** Taps, waits for the open call, does `during`, hangs up, and waits until the page is ready again. */
export async function joinOnce(
  page: Page,
  during: () => Promise<unknown> = async () => undefined,
): Promise<Join> {
  let requests = 0
  const count = (request: Request): void => {
    if (/^https?:/.test(request.url())) requests++
  }
  await page.evaluate(() => {
    window.earshotTimes = {}
  })
  page.on('request', count)
  await page.getByRole('button', { name: 'Start talking' }).click()
  await page.waitForFunction(() => window.earshotTimes.open !== undefined)
  page.off('request', count)
  const times = await page.evaluate(() => window.earshotTimes)
  await during()
  await page.getByRole('button', { name: 'Hang up' }).click()
  await page.getByRole('button', { name: 'Start talking' }).waitFor()
  await page.waitForTimeout(300)
  return { times, requests }
}

/** Runs in the page before its own code: wraps the browser's interfaces, of which the page knows nothing. */
export function timeInPage(): void {
  // The page makes some connections in a frame of its own.
  if (window.top && window.top !== window) {
    window.top.earshotTime(window)
    return
  }
  const mark = (step: Step): void => {
    window.earshotTimes[step] ??= performance.now()
  }
  window.earshotTimes = {}
  window.earshotConnected = []
  addEventListener('click', (event) => (window.earshotTimes.tap ??= event.timeStamp), {
    capture: true,
  })

  const { mediaDevices } = navigator
  const getUserMedia = mediaDevices.getUserMedia.bind(mediaDevices)
  mediaDevices.getUserMedia = async (constraints) => {
    const stream = await getUserMedia(constraints)
    mark('mic')
    return stream
  }
  const native = window.fetch.bind(window)
  window.fetch = async (input, init) => {
    if (init?.method !== 'POST') return native(input, init)
    mark('post')
    const response = await native(input, init)
    mark('answer')
    return response
  }
  window.earshotTime = time
  time(window)

  function time(where: Window & typeof globalThis): void {
    where.RTCPeerConnection = class extends where.RTCPeerConnection {
      constructor(configuration?: RTCConfiguration) {
        super(configuration)
        this.addEventListener('iceconnectionstatechange', () => {
          if (/^(connected|completed)$/.test(this.iceConnectionState)) mark('ice')
        })
        this.addEventListener('connectionstatechange', () => {
          if (this.connectionState !== 'connected') return
          mark('connected')
          window.earshotConnected.push(performance.timeOrigin + performance.now())
        })
      }
      override createDataChannel(label: string, options?: RTCDataChannelInit): RTCDataChannel {
        const channel = super.createDataChannel(label, options)
        channel.addEventListener('open', () => mark('open'))
        return channel
      }
      override async setRemoteDescription(description: RTCSessionDescriptionInit): Promise<void> {
        await super.setRemoteDescription(description)
        mark('remote')
      }
    }
  }
}
