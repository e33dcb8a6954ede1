/**
 * The meter around the button: who holds the floor, by shape and colour, and how loud it is.
 * Drawn on a canvas at the screen's pace; React takes no part in it.
 */
import type { Floor } from '../call/state.ts'
import { usePage } from './page.ts'

type Look = Floor | 'quiet' | 'busy' | 'failed'
type ReadLevels = () => { mic: number; reply: number }

/** Radius of the button's edge, as a share of the canvas: styles.css says the same. */
const EDGE = 0.27
const BARS = 64
/** Shares of the way to a new level per 60 Hz frame: up at once, down gently. */
const ATTACK = 0.6
const RELEASE = 0.12

/** Draws until the returned function is called. Sleeps while there is nothing that moves. */
export function drawMeter(canvas: HTMLCanvasElement, read: ReadLevels): () => void {
  const stopping = new AbortController()
  const { signal } = stopping
  const still = matchMedia('(prefers-reduced-motion: reduce)')
  const dark = matchMedia('(prefers-color-scheme: dark)')
  const levels = { mic: 0, reply: 0 }
  let look = lookNow()
  let colour = colourOf(canvas)
  let frame = 0
  let last = 0

  const refresh = () => {
    look = lookNow()
    // After React has put the new floor on the page, where the colour comes from.
    requestAnimationFrame(() => {
      colour = colourOf(canvas)
      wake()
    })
  }
  const unsubscribe = usePage.subscribe((page, before) => {
    if (page.call !== before.call) refresh()
  })
  dark.addEventListener('change', refresh, { signal })
  still.addEventListener('change', refresh, { signal })
  const resizing = new ResizeObserver(() => {
    const ratio = Math.min(devicePixelRatio, 3)
    canvas.width = Math.round(canvas.clientWidth * ratio)
    canvas.height = canvas.width
    wake()
  })
  resizing.observe(canvas)

  return () => {
    stopping.abort()
    unsubscribe()
    resizing.disconnect()
    cancelAnimationFrame(frame)
  }

  function wake(): void {
    if (!signal.aborted && frame === 0) frame = requestAnimationFrame(draw)
  }

  function draw(now: number): void {
    frame = 0
    const elapsed = Math.min(4, Math.max(0.5, (now - last) / (1000 / 60)))
    last = now
    const target = read()
    levels.mic = ease(levels.mic, target.mic, elapsed)
    levels.reply = ease(levels.reply, target.reply, elapsed)
    const context = canvas.getContext('2d')
    if (context) paint(context, { look, colour, levels, time: still.matches ? 0 : now })
    if (look !== 'quiet' && look !== 'failed') wake()
    else if (levels.mic > 0.01 || levels.reply > 0.01) wake()
  }
}

function lookNow(): Look {
  const { call } = usePage.getState()
  switch (call.status) {
    case 'live':
      return call.floor
    case 'connecting':
    case 'reconnecting':
      return 'busy'
    case 'failed':
      return 'failed'
    default:
      return 'quiet'
  }
}

function colourOf(canvas: HTMLCanvasElement): string {
  return getComputedStyle(canvas).color
}

function ease(from: number, to: number, frames: number): number {
  const share = to > from ? ATTACK : RELEASE
  return from + (to - from) * (1 - (1 - share) ** frames)
}

interface Scene {
  look: Look
  colour: string
  levels: { mic: number; reply: number }
  /** ms, or 0 where nothing may move by itself. */
  time: number
}

function paint(c: CanvasRenderingContext2D, { look, colour, levels, time }: Scene): void {
  const size = c.canvas.width
  const edge = size * EDGE
  const unit = size / 300
  c.clearRect(0, 0, size, size)
  c.save()
  c.translate(size / 2, size / 2)
  c.strokeStyle = colour
  c.fillStyle = colour
  c.lineCap = 'round'
  switch (look) {
    case 'quiet':
      ring(c, edge + 14 * unit, 1.5 * unit, 0.35)
      break
    case 'failed':
      dashes(c, edge + 14 * unit, 2 * unit, 0.8, 24, 0)
      break
    case 'busy':
      ring(c, edge + 14 * unit, 2 * unit, 0.2)
      arc(c, edge + 14 * unit, 3 * unit, time / 260, Math.PI * 0.6)
      break
    case 'nobody':
      halo(c, edge, levels.mic * 30 * unit, 0.12)
      ring(c, edge + 14 * unit, 2 * unit, 0.55)
      break
    case 'you':
      halo(c, edge, (12 + levels.mic * 36) * unit, 0.16)
      halo(c, edge, (12 + levels.mic * 20) * unit, 0.22)
      ring(c, edge + (12 + levels.mic * 20) * unit, 5 * unit, 1)
      break
    case 'thinking':
      ring(c, edge + 18 * unit, 1.5 * unit, 0.25)
      for (const dot of [0, 1, 2]) orbit(c, edge + 18 * unit, 6 * unit, time / 420 - dot * 0.42)
      break
    case 'reply':
      bars(c, edge + 12 * unit, 3 * unit, (4 + levels.reply * 34) * unit, time)
      break
    default:
      look satisfies never
  }
  c.restore()
}

function ring(c: CanvasRenderingContext2D, radius: number, width: number, alpha: number): void {
  c.globalAlpha = alpha
  c.lineWidth = width
  c.beginPath()
  c.arc(0, 0, radius, 0, Math.PI * 2)
  c.stroke()
}

function arc(
  c: CanvasRenderingContext2D,
  radius: number,
  width: number,
  from: number,
  length: number,
): void {
  c.globalAlpha = 1
  c.lineWidth = width
  c.beginPath()
  c.arc(0, 0, radius, from, from + length)
  c.stroke()
}

function dashes(
  c: CanvasRenderingContext2D,
  radius: number,
  width: number,
  alpha: number,
  count: number,
  turn: number,
): void {
  c.globalAlpha = alpha
  c.lineWidth = width
  const step = (Math.PI * 2) / count
  for (let index = 0; index < count; index += 1) {
    c.beginPath()
    c.arc(0, 0, radius, turn + index * step, turn + index * step + step * 0.4)
    c.stroke()
  }
}

function halo(c: CanvasRenderingContext2D, edge: number, reach: number, alpha: number): void {
  c.globalAlpha = alpha
  c.beginPath()
  c.arc(0, 0, edge + reach, 0, Math.PI * 2)
  c.fill()
}

function orbit(c: CanvasRenderingContext2D, radius: number, size: number, angle: number): void {
  c.globalAlpha = 1
  c.beginPath()
  c.arc(Math.cos(angle) * radius, Math.sin(angle) * radius, size, 0, Math.PI * 2)
  c.fill()
}

/** Rays whose lengths ripple with the reply's loudness. */
function bars(
  c: CanvasRenderingContext2D,
  radius: number,
  width: number,
  reach: number,
  time: number,
): void {
  c.globalAlpha = 0.95
  c.lineWidth = width
  for (let index = 0; index < BARS; index += 1) {
    const angle = (index / BARS) * Math.PI * 2 - Math.PI / 2
    const ripple =
      0.5 + 0.3 * Math.sin(index * 0.9 + time / 190) + 0.2 * Math.sin(index * 2.3 - time / 130)
    const length = reach * Math.max(0.12, ripple)
    c.beginPath()
    c.moveTo(Math.cos(angle) * radius, Math.sin(angle) * radius)
    c.lineTo(Math.cos(angle) * (radius + length), Math.sin(angle) * (radius + length))
    c.stroke()
  }
}
