/** A node in this process with calls that are lost and joined again: what they tell and what is heard. */
import { concat, tone } from '@earshot/audio'
import type { Kept, NodeEvent } from '@earshot/protocol'
import { vi } from 'vitest'
import { FRAME_MS, FRAME_SAMPLES, SAMPLE_RATE } from '../src/clock.ts'
import { createLog } from '../src/log.ts'
import { createMetrics } from '../src/metrics.ts'
import { MediaNode, type NodeOptions } from '../src/node.ts'
import { createOpusDecoder, createOpusEncoder } from '../src/opus.ts'
import { Ticker } from '../src/ticker.ts'
import { startCaller, type Caller } from './caller.ts'
import { TestFleet } from './fleet.ts'

const closers: (() => void | Promise<void>)[] = []

export async function closeNodes(): Promise<void> {
  for (const close of closers.splice(0).toReversed()) await close()
}

interface Rejoin {
  readonly conversation?: string
  readonly resume?: Kept
  readonly channel?: boolean
}

/** A node whose calls are real and whose fleet is this process; `closeNodes` ends it. */
export function startNode(
  options: Pick<NodeOptions, 'handler'> &
    Partial<Pick<NodeOptions, 'seats' | 'silentMs' | 'resumeMs'>> & { address?: string },
) {
  const { address = '127.77.0.40', ...own } = options
  const fleet = new TestFleet()
  const metrics = createMetrics(4, () => 0)
  const node = new MediaNode({
    seats: 4,
    addresses: [address],
    ports: [44_000, 44_099],
    handlerName: 'test',
    ticker: new Ticker(),
    metrics,
    log: createLog('silent', {}),
    tellFleet: fleet.tell,
    ...own,
  })
  closers.push(() => node.closeAll('draining'))

  const place = async (
    call: string,
    rejoin: Rejoin,
    seen: Partial<Parameters<typeof startCaller>[0]>,
  ) => {
    const { conversation, resume, channel = true } = rejoin
    const exchange = fleet.exchange(node, call, conversation, resume)
    const caller = await startCaller({ address: '127.0.0.1', exchange, channel, ...seen })
    closers.push(() => caller.close())
    return caller
  }
  return {
    node,
    fleet,
    ended: () =>
      fleet.frames.flatMap((frame) =>
        frame.type === 'ended' ? [{ call: frame.call, final: frame.final }] : [],
      ),
    rejoins: async () => {
      const lines = (await metrics.text()).matchAll(
        /^earshot_rejoins_total\{outcome="(\w+)"\} (\d+)/gm,
      )
      return Object.fromEntries([...lines].map(([, outcome, count]) => [outcome, Number(count)]))
    },
    /** Has an offer answered by which nobody ever connects; `meanwhile` runs while the answer is made. */
    offer: (call: string, rejoin: Rejoin = {}, meanwhile?: () => void) =>
      new Promise<void>((resolve, reject) => {
        const withAnswer = fleet.exchange(node, call, rejoin.conversation, rejoin.resume)
        const lose = (offer: string) => {
          const answered = withAnswer(offer)
          meanwhile?.()
          return answered.then(() => {
            resolve()
            throw new Error('the answer is lost')
          })
        }
        startCaller({ address: '127.0.0.1', exchange: lose }).catch(reject)
      }),
    connect: async (call: string, rejoin: Rejoin = {}) => {
      const events: NodeEvent[] = []
      const packets: { timestamp: number; payload: Buffer }[] = []
      const caller = await place(call, rejoin, {
        onEvent: (event) => events.push(event),
        onAudio: (payload, { timestamp }) => packets.push({ timestamp, payload }),
      })
      await caller.connected
      const told = <T extends NodeEvent['type']>(type: T) =>
        events.filter((event): event is Extract<NodeEvent, { type: T }> => event.type === type)
      const until = <T extends NodeEvent['type']>(type: T) =>
        vi.waitFor(
          () => {
            const [found] = told(type)
            if (!found) throw new Error(`no ${type} among ${JSON.stringify(events)}`)
            return found
          },
          { timeout: 8_000, interval: 5 },
        )
      if (rejoin.channel !== false) await until('call.ready')
      const indexOf = (rtp: number | undefined): number => {
        const found = packets.findIndex(({ timestamp }) => timestamp === rtp)
        if (found === -1) throw new Error(`no packet has the timestamp ${rtp}`)
        return found
      }
      return {
        caller,
        told,
        until,
        heard: (last: number) => decoded(packets.slice(-last)),
        before: (rtp: number | undefined) => decoded(packets.slice(0, indexOf(rtp))),
        /** From the packet with this timestamp on, without the silence that keeps the path alive. */
        from(rtp: number | undefined) {
          const rest = packets.slice(indexOf(rtp)).filter(({ payload }) => payload.length > 3)
          return { packets: rest.length, samples: decoded(rest) }
        },
        speak: (hz: number, frames: number) => speak(caller, hz, frames),
        async say(hz: number): Promise<void> {
          caller.mark('speech.start')
          await speak(caller, hz, 5)
          caller.mark('speech.end')
        },
      }
    },
  }
}

async function speak(caller: Caller, hz: number, frames: number): Promise<void> {
  const encoder = createOpusEncoder()
  const { samples } = sine(hz, frames * FRAME_MS)
  for (let at = 0; at < samples.length; at += FRAME_SAMPLES) {
    caller.speak(encoder.encode(samples.slice(at, at + FRAME_SAMPLES)))
    await new Promise((resolve) => setTimeout(resolve, FRAME_MS))
  }
  encoder.close()
}

function decoded(packets: readonly { readonly payload: Buffer }[]): Int16Array {
  const decoder = createOpusDecoder()
  const samples = concat(packets.map(({ payload }) => decoder.decode(payload)))
  decoder.close()
  return samples
}

/** A tone as PCM. */
export function sine(frequency: number, ms: number, sampleRate = SAMPLE_RATE) {
  return { samples: tone({ frequency, sampleRate, ms }), sampleRate }
}
