/**
 * A process full of synthetic callers, driven by its parent. Each sends the same clip of speech, encoded once,
 * at 50 packets a second, and times every packet that comes back. It decodes nothing: its core is for the
 * network alone, so that the node's core is the one that fills up first.
 */
import { performance } from 'node:perf_hooks'
import { startCaller, type Caller } from '../apps/media/testing/caller.ts'
import { createOpusEncoder } from '../apps/media/src/opus.ts'
import { speech } from '../e2e/audio/speech.ts'

export type ToCallers =
  | { type: 'add'; call: string }
  | { type: 'answer'; call: string; sdp: string }
  | { type: 'refused'; call: string; why: string }
  | { type: 'measure'; ms: number }
  | { type: 'hang-up' }

export type FromCallers =
  | { type: 'ready' }
  | { type: 'offer'; call: string; sdp: string }
  | { type: 'added'; call: string }
  | { type: 'failed'; call: string; why: string }
  | { type: 'measured'; sent: number; received: number; delays: number[]; busy: number }
  | { type: 'hung-up' }

const FRAME_MS = 20
const FRAME = 960

interface Line {
  readonly caller: Caller
  /** When each packet left that has not come back. */
  readonly sentAt: number[]
  next: number
  at: number
}

const clip = await encodedClip()
const lines: Line[] = []
const answers = new Map<string, { resolve(sdp: string): void; reject(error: Error): void }>()
let measuring: { sent: number; received: number; delays: number[] } | undefined

const tell = (message: FromCallers): void => void process.send?.(message)
process.on('message', (message: ToCallers) => void obey(message))
process.on('disconnect', () => process.exit(0))
pace()
tell({ type: 'ready' })

async function obey(message: ToCallers): Promise<void> {
  switch (message.type) {
    case 'add':
      await add(message.call).catch((error: unknown) =>
        tell({ type: 'failed', call: message.call, why: String(error) }),
      )
      return
    case 'answer':
      answers.get(message.call)?.resolve(message.sdp)
      return
    case 'refused':
      answers.get(message.call)?.reject(new Error(message.why))
      return
    case 'measure':
      await measure(message.ms)
      return
    case 'hang-up':
      await Promise.all(lines.splice(0).map(({ caller }) => caller.close()))
      tell({ type: 'hung-up' })
      return
    default:
      message satisfies never
  }
}

async function add(call: string): Promise<void> {
  const sentAt: number[] = []
  const caller = await startCaller({
    address: '127.0.0.1',
    exchange: (sdp) =>
      new Promise((resolve, reject) => {
        answers.set(call, { resolve, reject })
        tell({ type: 'offer', call, sdp })
      }),
    onAudio(_payload, _header, at) {
      const sent = sentAt.shift()
      if (sent === undefined || !measuring) return
      measuring.received++
      measuring.delays.push(at - sent)
    },
  })
  await caller.connected
  // Callers are spread over the frame as real ones would be.
  lines.push({
    caller,
    sentAt,
    next: performance.now() + Math.random() * FRAME_MS,
    at: lines.length * 7,
  })
  tell({ type: 'added', call })
}

/** Sends every line's next packet when it is due. */
function pace(): void {
  const now = performance.now()
  for (const line of lines) {
    for (; line.next <= now; line.next += FRAME_MS) {
      const packet = clip[line.at++ % clip.length]
      if (!packet) continue
      line.sentAt.push(performance.now())
      line.caller.speak(packet)
      if (measuring) measuring.sent++
    }
  }
  setTimeout(pace, 1)
}

async function measure(ms: number): Promise<void> {
  const before = performance.eventLoopUtilization()
  measuring = { sent: 0, received: 0, delays: [] }
  await new Promise((resolve) => setTimeout(resolve, ms))
  const { sent, received, delays } = measuring
  measuring = undefined
  const { utilization } = performance.eventLoopUtilization(before)
  tell({ type: 'measured', sent, received, delays, busy: utilization })
}

async function encodedClip(): Promise<Uint8Array[]> {
  const samples = await speech(
    'The birch canoe slid on the smooth planks. Glue the sheet to the dark blue background. It is easy to tell the depth of a well.',
  )
  const encoder = createOpusEncoder()
  const packets: Uint8Array[] = []
  for (let at = 0; at + FRAME <= samples.length; at += FRAME) {
    packets.push(encoder.encode(samples.slice(at, at + FRAME)))
  }
  encoder.close()
  return packets
}
