/**
 * How much of what a person says over a lossy path is still understood: by a speech recogniser, word by word.
 *
 *   pnpm bench:lossy-speech [--rounds 1] [--path '20 %, in bursts']
 *
 * The caller says the words of the spelling alphabet, three a turn, to the `echo` handler, over a path that
 * loses packets on the way up alone: what comes back is what the node heard, with its gaps filled by what
 * in-band FEC and concealment could save. Each word is cut out of the echo by its place in the turn, and
 * PocketSphinx has to name it, one of 24. A word of a turn that was never answered counts as not understood.
 * The criterion for "intelligible" is 90 % of the words.
 */
import { parseArgs } from 'node:util'
import { concat } from '@earshot/audio'
import type { Page } from '@playwright/test'
import { placeOf } from '../e2e/audio/heard.ts'
import { SAMPLE_RATE, silence, speech } from '../e2e/audio/speech.ts'
import { startBrowser } from '../e2e/browser/browsers.ts'
import { heard } from '../e2e/browser/capture.ts'
import { LabStack } from '../e2e/lab/lab-stack.ts'
import type { Path } from '../e2e/lab/net/description.ts'
import { up } from '../e2e/lab/net/lab.ts'
import { printTable } from './figures.ts'
import { createRecogniser, type Recogniser } from './recogniser.ts'

const WORDS = (
  'alpha bravo charlie delta echo foxtrot golf hotel india juliet kilo lima ' +
  'november oscar papa quebec romeo sierra tango uniform victor whiskey yankee zulu'
).split(' ')
const WORDS_A_TURN = 3
/** Shorter than the pause that ends a turn. */
const PAUSE_MS = 200
/** After the last word: for the end of the turn, for late marks, and for the answer. */
const ANSWER_MS = 6_500
/** Around a word, for the recogniser to see it begin and end. */
const MARGIN_MS = 90
/** What is less alike than this was not found. */
const FOUND = 0.35
const RTT_MS = 50

const PATHS: readonly (readonly [string, Path])[] = [
  ['no loss', { rttMs: RTT_MS }],
  ['10 %, each packet by itself', lossUp(0.1)],
  ['10 %, in bursts of 100 ms', lossUp(0.1, 5)],
  ['20 %, each packet by itself', lossUp(0.2)],
  ['20 %, in bursts of 100 ms', lossUp(0.2, 5)],
]

const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '1' }, path: { type: 'string', default: '' } },
})
const turns = await sayTurns()
const lab = await up({ name: 'lossy-speech', caller: { nat: 'port-restricted' } })
const stack = await LabStack.start(lab)
try {
  const recogniser = await createRecogniser(WORDS, stack.secrets.makeDirectory('words'))
  await stack.node({ transports: ['udp'] })
  const rows: string[][] = []
  for (const [name, path] of PATHS.filter(([one]) => one.startsWith(values.path))) {
    let understood = 0
    let answered = 0
    for (let round = 0; round < Number(values.rounds); round++) {
      const got = await listen(path, recogniser)
      understood += got.words
      answered += got.turns
    }
    const all = WORDS.length * Number(values.rounds)
    const share = `${((100 * understood) / all).toFixed(0)} %`
    rows.push([name, `${answered}/${all / WORDS_A_TURN}`, `${understood}/${all}`, share])
  }
  printTable(
    `Words understood at the node, ${RTT_MS} ms round trip`,
    ['loss on the way up', 'turns answered', 'words', 'share'],
    rows,
  )
} finally {
  await stack.stop()
  await lab.down()
}

// --- the parts ---

interface SaidTurn {
  readonly samples: Int16Array
  /** Each word's place in `samples`. */
  readonly words: readonly { readonly word: string; readonly from: number; readonly to: number }[]
}

async function sayTurns(): Promise<SaidTurn[]> {
  const all: SaidTurn[] = []
  for (let i = 0; i < WORDS.length; i += WORDS_A_TURN) {
    const parts: Int16Array[] = []
    const words = []
    let at = 0
    for (const word of WORDS.slice(i, i + WORDS_A_TURN)) {
      const said = trimmed(await speech(word))
      words.push({ word, from: at, to: at + said.length })
      parts.push(said, silence(PAUSE_MS))
      at += said.length + samplesIn(PAUSE_MS)
    }
    all.push({ samples: concat(parts.slice(0, -1)), words })
  }
  return all
}

interface Understood {
  readonly words: number
  readonly turns: number
}

async function listen(path: Path, recogniser: Recogniser): Promise<Understood> {
  await lab.shape({})
  const site = await stack.site()
  const browser = await startBrowser('chromium', { site })
  try {
    const page = await browser.context.newPage()
    await page.goto(site.origin)
    await page.locator('main[data-detector=ready]').waitFor({ timeout: 30_000 })
    await page.getByRole('button', { name: 'Start talking' }).click()
    await page.locator('main[data-state=live]').waitFor()
    await page.waitForTimeout(2_000)
    await lab.shape(path)
    let [words, answered] = [0, 0]
    for (const turn of turns) {
      const before = await soFar(page)
      await browser.say(turn.samples)
      await page.waitForTimeout(ANSWER_MS)
      const after = await soFar(page)
      // A connection that was joined again has a recording of its own.
      const from = after.connections === before.connections ? before.samples.length : 0
      const right = await judge(turn, after.samples.subarray(from), recogniser)
      if (right !== undefined) answered++
      words += right ?? 0
    }
    return { words, turns: answered }
  } finally {
    await browser.stop()
  }
}

async function soFar(page: Page): Promise<{ connections: number; samples: Int16Array }> {
  const connections = await page.evaluate(() => window.earshotHeard.length)
  return { connections, samples: (await heard(page)).samples }
}

/** How many words of the turn are understood; `undefined` when there was no answer. */
async function judge(
  turn: SaidTurn,
  answer: Int16Array,
  recogniser: Recogniser,
): Promise<number | undefined> {
  const { at, likeness } = placeOf(turn.samples, answer)
  if (likeness < FOUND) return undefined
  const margin = samplesIn(MARGIN_MS)
  let right = 0
  for (const { word, from, to } of turn.words) {
    const cut = answer.subarray(Math.max(0, at + from - margin), at + to + margin)
    if ((await recogniser.word(concat([silence(200), cut, silence(200)]))) === word) right++
  }
  return right
}

/** Without the silence that the synthesizer puts around a word: it would end the turn. */
function trimmed(samples: Int16Array): Int16Array {
  const loud = (sample: number): boolean => Math.abs(sample) > 300
  return samples.slice(samples.findIndex(loud), samples.findLastIndex(loud) + 1)
}

function lossUp(share: number, burstPackets?: number): Path {
  const loss = { up: share, down: 0, ...(burstPackets !== undefined && { burstPackets }) }
  return { rttMs: RTT_MS, loss }
}

function samplesIn(ms: number): number {
  return Math.round((ms * SAMPLE_RATE) / 1000)
}
