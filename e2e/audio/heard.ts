/** What a test can say about the sound that the browser received. Pure. */
import { levelDbfs, toneShare } from '@earshot/audio'
import { SAMPLE_RATE } from './speech.ts'

/** Sound as the browser played it, and when: `at` is `performance.now()` of its first sample. */
export interface Heard {
  readonly samples: Int16Array
  readonly at: number
}

const WINDOW_MS = 20
const WINDOW = (SAMPLE_RATE * WINDOW_MS) / 1000

/** The stretches, in ms of the page's clock, in which `hz` makes up most of what is audible. */
export function toneStretches(heard: Heard, hz: number): { from: number; to: number }[] {
  return stretches(
    heard,
    (window) => levelDbfs(window) > -45 && toneShare(window, SAMPLE_RATE, hz) > 0.6,
  )
}

/** The stretches in which anything is audible. */
export function soundStretches(heard: Heard): { from: number; to: number }[] {
  return stretches(heard, (window) => levelDbfs(window) > -50)
}

/** Total length of stretches in ms. */
export function totalMs(all: readonly { from: number; to: number }[]): number {
  return all.reduce((sum, { from, to }) => sum + to - from, 0)
}

/**
 * How alike two recordings are, 0-1, whenever the second begins: the best correlation of their loudness
 * over time. It survives a codec, gain control and echo cancellation, which waveforms do not.
 */
export function likeness(said: Int16Array, heard: Int16Array): number {
  return placeOf(said, heard).likeness
}

/** Where in `heard` what was said is most alike: `at` in samples, to 20 ms. */
export function placeOf(
  said: Int16Array,
  heard: Int16Array,
): { readonly at: number; readonly likeness: number } {
  const a = loudness(said)
  const b = loudness(heard)
  let best = { at: 0, likeness: 0 }
  for (let lag = 0; lag + a.length <= b.length; lag++) {
    const alike = correlation(a, b.slice(lag, lag + a.length))
    if (alike > best.likeness) best = { at: lag * WINDOW, likeness: alike }
  }
  return best
}

function stretches(heard: Heard, matches: (window: Int16Array) => boolean) {
  const found: { from: number; to: number }[] = []
  for (let at = 0; at + WINDOW <= heard.samples.length; at += WINDOW) {
    if (!matches(heard.samples.subarray(at, at + WINDOW))) continue
    const from = heard.at + (at / SAMPLE_RATE) * 1000
    const last = found.at(-1)
    // A gap of up to two windows is the codec's, not a pause.
    if (last && from - last.to <= 2 * WINDOW_MS) last.to = from + WINDOW_MS
    else found.push({ from, to: from + WINDOW_MS })
  }
  return found
}

function loudness(samples: Int16Array): number[] {
  const out: number[] = []
  for (let at = 0; at + WINDOW <= samples.length; at += WINDOW) {
    out.push(Math.max(-60, levelDbfs(samples.subarray(at, at + WINDOW))))
  }
  return out
}

function correlation(a: readonly number[], b: readonly number[]): number {
  const mean = (list: readonly number[]) => list.reduce((sum, x) => sum + x, 0) / list.length
  const [ma, mb] = [mean(a), mean(b)]
  let [ab, aa, bb] = [0, 0, 0]
  for (let i = 0; i < a.length; i++) {
    const [da, db] = [(a[i] ?? 0) - ma, (b[i] ?? 0) - mb]
    ab += da * db
    aa += da * da
    bb += db * db
  }
  return aa === 0 || bb === 0 ? 0 : ab / Math.sqrt(aa * bb)
}
