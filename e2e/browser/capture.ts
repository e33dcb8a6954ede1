/**
 * Runs in the page before its own code: keeps every peer connection that the page makes, and records what
 * each hears, is told and tells. The page knows nothing of it.
 */
import type { BrowserContext, Page } from '@playwright/test'
import type { Heard } from '../audio/heard.ts'

declare global {
  interface Window {
    /** The newest last; of several that were made beside each other, the one that came up. */
    earshotPeers: RTCPeerConnection[]
    /** One for each connection that has audio, in the same order. */
    earshotHeard: { at: number; chunks: Int16Array[] }[]
    /** Call events of both directions, each with the page's clock in ms. */
    earshotEvents: string[]
    /** Has the connections of a window of the page kept and recorded too. */
    earshotWatch: (frame: Window & typeof globalThis) => void
  }
}

export function captureInPage(): void {
  // The page makes some connections in a frame of its own.
  if (window.top && window.top !== window) {
    window.top.earshotWatch(window)
    return
  }
  window.earshotPeers = []
  window.earshotHeard = []
  window.earshotEvents = []
  window.earshotWatch = watch
  /** The connection that is the call. */
  let up: RTCPeerConnection | undefined
  watch(window)

  function watch(where: Window & typeof globalThis): void {
    const heardBy = new Map<RTCPeerConnection, Window['earshotHeard'][number]>()
    // oxlint-disable-next-line typescript/unbound-method -- it is applied to its channel below
    const nativeSend = where.RTCDataChannel.prototype.send
    where.RTCDataChannel.prototype.send = function send(this: RTCDataChannel, ...args: unknown[]) {
      note('page:', typeof args[0] === 'string' ? args[0] : 'bytes')
      Reflect.apply(nativeSend, this, args)
    }
    where.RTCPeerConnection = class extends where.RTCPeerConnection {
      constructor(configuration?: RTCConfiguration) {
        super(configuration)
        window.earshotPeers.push(this)
        this.addEventListener('track', ({ track }) => {
          heardBy.set(this, record(new MediaStream([track])))
        })
      }
      override createDataChannel(label: string, options?: RTCDataChannelInit): RTCDataChannel {
        const channel = super.createDataChannel(label, options)
        channel.addEventListener('message', ({ data }) => note('node:', data))
        channel.addEventListener('open', () => cameUp(this, heardBy.get(this)))
        return channel
      }
    }
  }

  function note(direction: string, text: unknown): void {
    window.earshotEvents.push(`${Math.round(performance.now())} ${direction} ${String(text)}`)
  }

  function cameUp(peer: RTCPeerConnection, taken?: Window['earshotHeard'][number]): void {
    // The page leaves one that comes up second, but takes its leave first.
    if (up?.connectionState === 'connected') return
    up = peer
    moveToEnd(window.earshotPeers, peer)
    if (taken) moveToEnd(window.earshotHeard, taken)
  }

  function moveToEnd<T>(all: T[], one: T): void {
    all.push(...all.splice(all.indexOf(one), 1))
  }

  function record(stream: MediaStream): Window['earshotHeard'][number] {
    const taken = { at: 0, chunks: [] as Int16Array[] }
    window.earshotHeard.push(taken)
    const take = (input: Float32Array): void => {
      if (taken.at === 0) taken.at = performance.now()
      taken.chunks.push(
        Int16Array.from(input, (x) => Math.max(-32_768, Math.min(32_767, Math.round(x * 32_768)))),
      )
    }
    void listen(stream, take)
    return taken
  }

  async function listen(stream: MediaStream, take: (input: Float32Array) => void): Promise<void> {
    const context = new AudioContext({ sampleRate: 48_000 })
    void context.resume()
    const tap = await tapInto(context, take)
    context.createMediaStreamSource(stream).connect(tap)
    tap.connect(context.destination)
  }

  /** On the audio's own thread where the browser lets it: a busy page loses sound otherwise. */
  async function tapInto(
    context: AudioContext,
    take: (input: Float32Array) => void,
  ): Promise<AudioNode> {
    try {
      await context.audioWorklet.addModule('/earshot-tap.js')
      const tap = new AudioWorkletNode(context, 'earshot-tap')
      tap.port.addEventListener('message', ({ data }) => take(data as Float32Array))
      tap.port.start()
      return tap
    } catch {
      // Firefox has worklets on secure pages alone, and no script in this place.
      const tap = context.createScriptProcessor(1024, 1, 1)
      tap.addEventListener('audioprocess', (event) => take(event.inputBuffer.getChannelData(0)))
      return tap
    }
  }
}

/** Puts the script of the tap where the page may load it from: beside its own. */
export async function serveTap(context: BrowserContext): Promise<void> {
  await context.route('**/earshot-tap.js', (route) =>
    route.fulfill({ contentType: 'text/javascript', body: TAP }),
  )
}

const TAP = `registerProcessor('earshot-tap', class extends AudioWorkletProcessor {
  #kept = new Float32Array(1024)
  #length = 0
  process([[input]]) {
    this.#kept.set(input ?? new Float32Array(128), this.#length)
    this.#length += 128
    if (this.#length === 1024) {
      this.port.postMessage(this.#kept.slice())
      this.#length = 0
    }
    return true
  }
})`

/** What a connection of the page has received so far: the newest, or the one with this number, from 0. */
export async function heard(page: Page, connection = -1): Promise<Heard> {
  const { at, base64 } = await page.evaluate((which) => {
    const { at: since, chunks } = window.earshotHeard.at(which) ?? { at: 0, chunks: [] }
    const all = new Int16Array(chunks.reduce((sum, chunk) => sum + chunk.length, 0))
    let offset = 0
    for (const chunk of chunks) {
      all.set(chunk, offset)
      offset += chunk.length
    }
    const bytes = new Uint8Array(all.buffer)
    let text = ''
    for (let i = 0; i < bytes.length; i += 0x8000) {
      text += String.fromCharCode(...bytes.subarray(i, i + 0x8000))
    }
    return { at: since, base64: btoa(text) }
  }, connection)
  const bytes = Buffer.from(base64, 'base64')
  return {
    at,
    samples: new Int16Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length)),
  }
}

export interface SelectedPair {
  /** Candidate type of the browser's end. */
  readonly local: string
  /** Candidate type of the node's end, and its address. */
  readonly remote: string
  readonly remoteAddress: string
  /** How the browser reaches its relay; `undefined` when it uses none. */
  readonly relayProtocol: string | undefined
}

/** The candidate pair that the newest connection has selected, by its own stats. */
export function selectedPair(page: Page): Promise<SelectedPair | undefined> {
  return page.evaluate(async () => {
    const peer = window.earshotPeers.at(-1)
    if (!peer) return undefined
    const stats = new Map<string, Record<string, unknown>>()
    const report = await peer.getStats()
    report.forEach((entry: Record<string, unknown>) => stats.set(String(entry['id']), entry))
    const all = [...stats.values()]
    const transport = all.find((entry) => entry['type'] === 'transport')
    const named = transport?.['selectedCandidatePairId']
    const pair =
      typeof named === 'string'
        ? stats.get(named)
        : all.find((entry) => entry['type'] === 'candidate-pair' && entry['selected'] === true)
    const local = stats.get(String(pair?.['localCandidateId']))
    const remote = stats.get(String(pair?.['remoteCandidateId']))
    if (!local || !remote) return undefined
    const text = (value: unknown) => (typeof value === 'string' ? value : '')
    return {
      local: text(local['candidateType']),
      remote: text(remote['candidateType']),
      remoteAddress: text(remote['address']),
      relayProtocol: text(local['relayProtocol']) || undefined,
    }
  })
}
