/** A node whose calls go wrong or end early. Calls that go well: session.test.ts. */
import { tone } from '@earshot/audio'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { startCaller, type Caller } from '../testing/caller.ts'
import { TestFleet } from '../testing/fleet.ts'
import { FRAME_MS, SAMPLE_RATE } from './clock.ts'
import { onEveryFrame, replyOnPause, type HandlerDefinition } from './handler.ts'
import { createLog } from './log.ts'
import { createMetrics } from './metrics.ts'
import { MediaNode } from './node.ts'
import { createOpusEncoder } from './opus.ts'
import { Ticker } from './ticker.ts'

const FIRST = 'global-AAAAAAAAAAAAAAAAAAAAAA'
const SECOND = 'global-BBBBBBBBBBBBBBBBBBBBBB'
const loopback = onEveryFrame(() => (frame) => frame)

const closers: (() => void | Promise<void>)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close()
})

describe('a call that cannot be taken', () => {
  it('gives its ports back when its handler cannot be made', async () => {
    const ports = [43_000, 43_002] as const
    const broken = startNode({
      ports,
      handler: replyOnPause(() => {
        throw new Error('no model file')
      }),
    })
    for (let i = 0; i < 4; i++) {
      await expect(broken.call(FIRST)).rejects.toThrow('refused: failed')
    }
    expect(broken.node.calls()).toEqual([])
    expect(JSON.stringify(broken.frames)).not.toContain('no model file')

    const good = startNode({ ports, handler: loopback })
    await (
      await good.call(FIRST)
    ).connected
  })

  it('is refused as our failure, not the caller’s, when no port is left', async () => {
    const { call, node, frames } = startNode({ ports: [43_100, 43_101], handler: loopback })
    const ids = ['A', 'B', 'C'].map((letter) => `global-${letter.repeat(22)}`)
    const outcomes: string[] = []
    for (const id of ids) {
      const placed = call(id)
      outcomes.push(
        await placed.then(
          () => 'answered',
          (error: Error) => error.message,
        ),
      )
    }
    expect(outcomes[0]).toBe('answered')
    expect(outcomes.at(-1)).toBe('refused: failed')
    expect(frames.at(-1)).toMatchObject({ detail: expect.stringContaining('could not open') })
    expect(node.calls()).toEqual(ids.filter((_, i) => outcomes[i] === 'answered'))
  })
})

describe('a call whose answer is being made', () => {
  it('is refused when the node shuts down meanwhile, and never answered', async () => {
    const { call, node, frames } = startNode({ handler: loopback })
    const placed = call(FIRST, () => node.drain(0))
    await expect(placed).rejects.toThrow('refused: draining')
    await settled()
    expect(node.calls()).toEqual([])
    expect(frames.map(({ type }) => type)).toEqual(['refuse'])
  })

  it('is over when the caller hangs up meanwhile, and never answered', async () => {
    const { call, node, frames } = startNode({ handler: loopback })
    void call(FIRST, () => node.hangUp({ type: 'hangup', call: FIRST, reason: 'deleted' })).catch(
      () => undefined,
    )
    await vi.waitFor(
      () => expect(frames).toEqual([{ type: 'ended', call: FIRST, final: true }]),
      5_000,
    )
    await settled()
    expect(node.calls()).toEqual([])
    expect(frames).toHaveLength(1)
  })
})

it('takes no call once it drains', async () => {
  const { call, node } = startNode({ handler: loopback })
  await node.drain(0)
  await expect(call(FIRST)).rejects.toThrow('refused: draining')
})

it('ends a call that breaks inside, and no other', async () => {
  const { call, node, frames, metrics } = startNode({
    handler: replyOnPause(
      () =>
        async function* (turn) {
          yield turn.audio
        },
    ),
  })
  const broken = await call(FIRST)
  const sound = await call(SECOND)
  await Promise.all([broken.connected, sound.connected])
  vi.spyOn(metrics.turns, 'inc').mockImplementation(() => {
    throw new Error('a fault that nobody foresaw')
  })
  await say(broken)
  await vi.waitFor(() => expect(node.calls()).toEqual([SECOND]), 5_000)
  expect(frames).toContainEqual({ type: 'ended', call: FIRST, final: true })

  vi.restoreAllMocks()
  const turns = vi.spyOn(metrics.turns, 'inc')
  await say(sound)
  await vi.waitFor(() => expect(turns).toHaveBeenCalledOnce(), 5_000)
  expect(node.calls()).toEqual([SECOND])
})

describe('a handler', () => {
  it('is told by its signal that the call is over, though its reply was over before', async () => {
    const signals: AbortSignal[] = []
    const { call, node, metrics } = startNode({
      handler: replyOnPause(
        () =>
          async function* (turn, { signal }) {
            signals.push(signal)
            yield turn.audio
          },
      ),
    })
    const replies = vi.spyOn(metrics.replies, 'inc')
    const caller = await call(FIRST)
    await caller.connected
    await say(caller)
    await vi.waitFor(() => expect(replies).toHaveBeenCalledWith({ reason: 'complete' }), 5_000)
    expect(signals.map(({ aborted }) => aborted)).toEqual([false])
    node.hangUp({ type: 'hangup', call: FIRST, reason: 'deleted' })
    expect(signals.map(({ aborted }) => aborted)).toEqual([true])
  })

  it('learns that what it sends is more than the page takes', async () => {
    const errors: unknown[] = []
    const { call } = startNode({
      handler: replyOnPause(
        () =>
          async function* (turn, { send }) {
            for (const data of ['é'.repeat(9_000), 'x'.repeat(16_000)]) {
              try {
                send(data)
                errors.push(undefined)
              } catch (error) {
                errors.push(error)
              }
            }
            yield turn.audio
          },
      ),
    })
    const caller = await call(FIRST)
    await caller.connected
    await say(caller)
    await vi.waitFor(() => expect(errors).toHaveLength(2), 5_000)
    expect(errors).toEqual([expect.any(RangeError), undefined])
  })
})

function startNode(options: { handler: HandlerDefinition; ports?: readonly [number, number] }) {
  const fleet = new TestFleet()
  const metrics = createMetrics(4, () => 0)
  const node = new MediaNode({
    seats: 4,
    addresses: ['127.77.0.30'],
    ports: options.ports ?? [43_200, 43_299],
    handlerName: 'test',
    handler: options.handler,
    ticker: new Ticker(),
    metrics,
    log: createLog('silent', {}),
    tellFleet: fleet.tell,
  })
  closers.push(() => node.closeAll('draining'))
  return {
    node,
    frames: fleet.frames,
    metrics,
    /** Places a call; `meanwhile` runs as soon as the node has the offer. */
    call: async (callId: string, meanwhile?: () => unknown): Promise<Caller> => {
      const caller = await startCaller({
        address: '127.0.0.1',
        exchange(offer) {
          const answer = fleet.exchange(node, callId)(offer)
          void meanwhile?.()
          return answer
        },
      })
      closers.push(() => caller.close())
      return caller
    },
  }
}

async function say(caller: Caller): Promise<void> {
  const encoder = createOpusEncoder()
  const packet = encoder.encode(tone({ frequency: 440, sampleRate: SAMPLE_RATE, ms: FRAME_MS }))
  encoder.close()
  caller.mark('speech.start')
  for (let i = 0; i < 5; i++) {
    caller.speak(packet)
    await new Promise((resolve) => setTimeout(resolve, FRAME_MS))
  }
  caller.mark('speech.end')
}

/** Time enough for an answer to be made and thrown away. */
function settled(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 300))
}
