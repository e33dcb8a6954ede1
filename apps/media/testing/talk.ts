/** A conversation without a network: its lines are written down, its ticks are counted by the test. */
import { concat, type Pcm } from '@earshot/audio'
import type { CatchUp, Kept, NodeEvent } from '@earshot/protocol'
import { FRAME_SAMPLES, SAMPLE_RATE } from '../src/clock.ts'
import { Conversation, type Line } from '../src/conversation.ts'
import { replyOnPause, type CallContext, type HandlerDefinition } from '../src/handler.ts'
import { createLog } from '../src/log.ts'
import { createMetrics } from '../src/metrics.ts'

/** A conversation whose lines write down what they are told and play. */
export function talk(handler: HandlerDefinition, resume?: Kept) {
  const saved: Kept[] = []
  const turns: { number: number; samples: number; kept: unknown }[] = []
  const conversation = new Conversation({
    id: 'global-AAAAAAAAAAAAAAAAAAAAAA',
    resume,
    handlerName: 'test',
    handler: noted(handler, turns),
    save: (kept) => saved.push(kept),
    metrics: createMetrics(1, () => 0),
    log: createLog('silent', {}),
  })
  return {
    conversation,
    saved,
    /** What the handler was given. */
    turns,
    connect: ({ channel = true, opened = true } = {}) => {
      const events: NodeEvent[] = []
      const frames: Int16Array[] = []
      const line: Line = {
        tell: (event) => isOpen && events.push(event) > 0,
        play: (played) => void frames.push(played),
        // Each connection has a timeline of its own: 1,000 a tick from the first.
        timestamp: () => ticks * 1_000,
      }
      let ticks = 0
      let isOpen = false
      const open = () => {
        isOpen = channel
        conversation.opened()
      }
      conversation.attach(line, channel)
      if (opened) open()
      return {
        line,
        open,
        events,
        frames,
        types: () => events.map(({ type }) => type),
        told: (type: NodeEvent['type']) => events.filter((event) => event.type === type),
        catchUp: (event: Omit<CatchUp, 'type'>) =>
          conversation.catchUp({ type: 'call.catch-up', ...event }),
        tick(count: number): void {
          for (let i = 0; i < count; i++, ticks++) {
            if (conversation.line === line) conversation.tick()
          }
        },
      }
    },
    /** One frame of speech between its marks, and what the handler makes of it. */
    say: async (): Promise<void> => {
      conversation.mark('start')
      conversation.sound(new Int16Array(FRAME_SAMPLES))
      conversation.mark('end')
      for (let i = 0; i < 8; i++) conversation.tick()
      await settled()
    },
  }
}

/** The same handler; what it is given is written down. */
function noted(
  definition: HandlerDefinition,
  turns: { number: number; samples: number; kept: unknown }[],
): HandlerDefinition {
  if (definition.mode === 'frames') return definition
  return replyOnPause(() => {
    const handler = definition.create()
    return (turn, context) => {
      const { kept } = context
      turns.push({ number: turn.number, samples: turn.audio.samples.length, kept })
      return handler(turn, context)
    }
  })
}

/** Answers with so many frames, whose samples are their number. */
export function counting(frames: number): HandlerDefinition {
  return replyOnPause(
    () =>
      async function* () {
        for (let i = 0; i < frames; i++) yield frame(i)
      },
  )
}

/** Answers with ten frames and gives its context away. */
export function keeping(run: (context: CallContext) => unknown): HandlerDefinition {
  return replyOnPause(
    () =>
      async function* (_turn, context) {
        run(context)
        for (let i = 0; i < 10; i++) yield frame(i)
      },
  )
}

/** One frame, all of whose samples are `level`. */
export function frame(level: number): Pcm {
  return { samples: new Int16Array(FRAME_SAMPLES).fill(level), sampleRate: SAMPLE_RATE }
}

/** An announcement of missed speech. */
export function missed(speaking = false) {
  return { samples: 1_000, speaking, again: false }
}

/** The levels of frames. */
export function numbers(frames: readonly Int16Array[]): number[] {
  const all = concat(frames)
  return frames.map((_, i) => all[i * FRAME_SAMPLES] ?? -1)
}

/** `from`, …, `to - 1`. */
export function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, i) => from + i)
}

/** What a handler does without waiting is done. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0))
}
