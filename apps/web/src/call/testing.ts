/** Fakes for tests. They implement the real interfaces and do nothing on their own. */
import type { IceConfiguration, Joined, PageEvent } from '@earshot/protocol'
import { startCall, type CallNews, type CallPorts } from './call.ts'
import type { Clock } from './clock.ts'
import type { TransportMemory } from './connection.ts'
import type { Fetch } from './join.ts'
import type { CallPeer, PeerNews } from './peer.ts'
import type { CallState } from './state.ts'
import type { Transport } from './transports.ts'

export const CALL_ID = 'eu-abcdefghijklmnopqrstuv'
/** The resume token that a test's `n`th answer carries. */
export const token = (n: number) => `eu.${String(n).padStart(43, 'x')}`
export const JOINED: Joined = {
  call: CALL_ID,
  answer: 'v=0 answer',
  configuration: {
    iceServers: [{ urls: ['turn:t.example:3478'], username: 'u', credential: 'c' }],
    iceTransportPolicy: 'relay',
  },
  resume: token(1),
  resumed: 'no',
}

/** A clock that stands still until it is told to go on. */
export class FakeClock implements Clock {
  #now = 1_000
  readonly #timers = new Set<{ at: number; done: () => void }>()

  now(): number {
    return this.#now
  }

  wait(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = { at: this.#now + ms, done: resolve }
      this.#timers.add(timer)
      const onAbort = () => {
        this.#timers.delete(timer)
        reject(new DOMException('aborted', 'AbortError'))
      }
      if (signal.aborted) onAbort()
      else signal.addEventListener('abort', onAbort, { once: true })
    })
  }

  /** Lets `ms` pass unnoticed: the timers of that time are only served after it. */
  async skip(ms: number): Promise<void> {
    this.#now += ms
    await this.pass(0)
  }

  /** Lets `ms` pass, timer by timer, and everything that follows from each. */
  async pass(ms: number): Promise<void> {
    const until = this.#now + ms
    await settle()
    for (;;) {
      const next = [...this.#timers]
        .filter(({ at }) => at <= until)
        .toSorted((a, b) => a.at - b.at)[0]
      if (!next) break
      this.#timers.delete(next)
      this.#now = Math.max(this.#now, next.at)
      next.done()
      await settle()
    }
    this.#now = until
  }
}

/** Lets every promise that can settle do so. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setTimeout(resolve))
}

export class FakeTrack {
  readonly kind = 'audio'
  stopped = false

  stop(): void {
    this.stopped = true
  }
}

/** A stream of one track; the rest of `MediaStream` is not there. */
export function fakeStream(): { stream: MediaStream; track: FakeTrack } {
  const track = new FakeTrack()
  const parts = { getTracks: () => [track], getAudioTracks: () => [track] }
  return { stream: parts as unknown as MediaStream, track }
}

export class FakePeer implements CallPeer {
  readonly sent: PageEvent[] = []
  readonly bytes: Uint8Array[] = []
  readonly tracks: MediaStreamTrack[] = []
  accepted: { answer: string; configuration: IceConfiguration } | undefined
  report: RTCStatsReport = new Map()
  rtp: number | undefined
  closed = 0
  offering: Promise<string> = Promise.resolve('v=0 offer')
  accepting: Promise<void> = Promise.resolve()
  readonly tell: (news: PeerNews) => void

  constructor(tell: (news: PeerNews) => void) {
    this.tell = tell
  }

  offer(): Promise<string> {
    return this.offering
  }

  accept(answer: string, configuration: IceConfiguration): Promise<void> {
    this.accepted = { answer, configuration }
    return this.accepting
  }

  send(event: PageEvent): void {
    this.sent.push(event)
  }

  sendBytes(bytes: Uint8Array): void {
    this.bytes.push(bytes)
  }

  async replaceTrack(track: MediaStreamTrack): Promise<void> {
    this.tracks.push(track)
  }

  async stats(): Promise<RTCStatsReport> {
    return this.report
  }

  playedRtp(): number | undefined {
    return this.rtp
  }

  close(): void {
    this.closed += 1
  }
}

export interface Request {
  method: string
  url: string
  init: RequestInit | undefined
}

/** Ports and news of a call, all fake, and what they saw. */
export function fakeCall() {
  const clock = new FakeClock()
  const requests: Request[] = []
  const peers: FakePeer[] = []
  const states: CallState[] = []
  const mics: MediaStream[] = []
  const mic = fakeStream()
  const seen = { lost: 0 }
  const ways = new Map<string, Transport>()
  const transports: TransportMemory = {
    recall: (network) => ways.get(network),
    remember: (network, transport) => ways.set(network, transport),
    forget: (network) => ways.delete(network),
  }
  const world = {
    clock,
    requests,
    peers,
    states,
    mics,
    mic,
    seen,
    /** Which way to the relay is remembered of which network. */
    ways,
    /** What the service answers to a POST; tests put another in. */
    answer: (_init?: RequestInit): Promise<Response> => Promise.resolve(created(JOINED)),
    /** Does the microphone open without a question? */
    granted: false,
    openMic: (): Promise<MediaStream> => Promise.resolve(mic.stream),
    onPeer: (_peer: FakePeer): void => {},
    /** The state now. */
    state: (): CallState | undefined => states.at(-1),
    peer: (): FakePeer => {
      const last = peers.at(-1)
      if (!last) throw new Error('no peer was made')
      return last
    },
    /** How often the service was asked for a call; the same request once more is not counted. */
    posts: (): number => firstPosts(requests).length,
    /** The resume token of each of them. */
    tokens: (): (string | null)[] =>
      firstPosts(requests).map((headers) => headers.get('Earshot-Resume')),
    deletes: (): string[] =>
      requests.filter(({ method }) => method === 'DELETE').map(({ url }) => url),
  }
  const fetch: Fetch = (url, init) => {
    const method = init?.method ?? 'GET'
    requests.push({ method, url, init })
    if (method === 'DELETE') return Promise.resolve(new Response(null, { status: 200 }))
    return abortable(world.answer(init), init?.signal)
  }
  const ports: CallPorts = {
    clock,
    fetch,
    transports,
    random: () => 0,
    getMic: () => world.openMic(),
    micGranted: () => Promise.resolve(world.granted),
    createPeer: (tell) => {
      const peer = new FakePeer(tell)
      peers.push(peer)
      world.onPeer(peer)
      return peer
    },
  }
  const news: CallNews = {
    onState: (state) => states.push(state),
    onMic: (stream) => mics.push(stream),
    onAudio: () => {},
    onEvent: () => {},
    onLost: () => {
      seen.lost += 1
    },
  }
  return { ...world, ports, news, world }
}

/** A call that has come up. */
export async function liveCall() {
  const fake = fakeCall()
  const call = startCall(fake.ports, fake.news)
  await settle()
  fake.peer().tell({ type: 'open' })
  await settle()
  if (fake.state()?.status !== 'live') throw new Error('the call did not come up')
  return { ...fake, call }
}

/** Makes every later peer open as soon as it has its answer. */
export function reopen(fake: { world: ReturnType<typeof fakeCall>['world'] }): void {
  fake.world.onPeer = (peer) => {
    peer.accept = async () => peer.tell({ type: 'open' })
  }
}

/** The headers of every POST but those that repeat the one before. */
function firstPosts(requests: readonly Request[]): Headers[] {
  const all = requests
    .filter(({ method }) => method === 'POST')
    .map(({ init }) => new Headers(init?.headers))
  const attempt = (headers: Headers | undefined) => headers?.get('Earshot-Attempt') ?? null
  return all.filter((one, i) => attempt(one) === null || attempt(one) !== attempt(all[i - 1]))
}

export function created(joined: unknown, location = `/v1/calls/${CALL_ID}`): Response {
  return Response.json(joined, { status: 201, headers: { Location: location } })
}

/** A promise that a test settles when it wants to. */
export function deferred<T>() {
  let resolve: (value: T) => void = () => {}
  let reject: (error: unknown) => void = () => {}
  const promise = new Promise<T>((yes, no) => {
    resolve = yes
    reject = no
  })
  return { promise, resolve, reject }
}

export function never<T>(): Promise<T> {
  return new Promise(() => {})
}

function abortable<T>(promise: Promise<T>, signal: AbortSignal | null | undefined): Promise<T> {
  if (!signal) return promise
  return Promise.race([
    promise,
    new Promise<never>((_, reject) => {
      const onAbort = () => reject(new DOMException('aborted', 'AbortError'))
      if (signal.aborted) onAbort()
      signal.addEventListener('abort', onAbort, { once: true })
    }),
  ])
}
