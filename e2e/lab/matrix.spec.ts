/**
 * Every network a caller can sit behind: the call comes up by the path that fits the network, and
 * what is said is heard and said back. `choice.ts` says which cells are run.
 */
import { concat } from '@earshot/audio'
import { likeness, soundStretches, totalMs } from '../audio/heard.ts'
import { silence, speech } from '../audio/speech.ts'
import {
  expectedPaths,
  isLossy,
  nameOf,
  networkOf,
  nodeAddresses,
  nodeFor,
  type CallPath,
} from './cells.ts'
import { cellsOf } from './choice.ts'
import { expect, test, type LabCaller } from './fixtures.ts'
import { msFromTap } from './states.ts'

/** Long enough that other sounds are not taken for it, short enough for some forty cells. */
const SENTENCE = 'Hello, is anybody there?'
/** Half a second of what the call sounds like, in the chunks that it is recorded in. */
const SETTLED_CHUNKS = 24
/** From the first word, said in two seconds, to the answer. */
const ANSWER_MS = 8_000
/** From the tap to the call, or to the word that it takes longer. */
const TOLD_MS = 10_000
/** From the tap to the call where it may take longer, the microphone's opening included. */
const LOSSY_LIVE_MS = 21_000
/** For so many sayings as there may be where packets are lost. */
const LOSSY_TIMEOUT_MS = 150_000
/** How often it may have to be said where packets are lost. */
const LOSSY_TIMES = 4

for (const cell of cellsOf(process.env)) {
  test(nameOf(cell), async ({ callerIn }, testInfo) => {
    const note = (type: string, description: string) =>
      testInfo.annotations.push({ type, description })
    if (isLossy(cell)) test.setTimeout(LOSSY_TIMEOUT_MS)
    note('cell', JSON.stringify(cell))
    const said = await speech(SENTENCE)
    const caller = await callerIn({
      network: networkOf(cell),
      node: nodeFor(cell),
      browser: cell.browser,
    })
    await comesUp(caller, isLossy(cell))
    note('tap-to-live-ms', String(await msFromTap(caller.page, 'live')))

    // The way of the packets, by the browser's own account.
    const pathOfCall = caller.page.locator('main')
    await expect(pathOfCall).toHaveAttribute('data-path', new RegExp(expectedPaths(cell).join('|')))
    const { named, pair } = await agreedPath(caller)
    note('path', String(named))
    expect(expectedPaths(cell)).toContain(named)
    expect(nodeAddresses(cell, named as CallPath)).toContain(pair?.remoteAddress)

    // Firefox opens its devices anew for each sound that it plays, and is deaf meanwhile.
    await caller.page.waitForFunction(
      (settled) => (window.earshotHeard.at(-1)?.chunks.length ?? 0) > settled,
      SETTLED_CHUNKS,
    )

    // What was said arrived, for nothing else would be answered; and the answer is what was said.
    const times = await sayUntilAnswered(caller, said, isLossy(cell) ? LOSSY_TIMES : 1)
    note('said', String(times))
    if (isLossy(cell)) {
      // On any connection: the one that brought the answer may be lost meanwhile.
      const heardMs = async () => {
        const length = await caller.page.evaluate(() => window.earshotHeard.length)
        const all = await Promise.all(Array.from({ length }, (_, i) => caller.heard(i)))
        return Math.max(...all.map((one) => totalMs(soundStretches(one))))
      }
      const saidMs = totalMs(soundStretches({ at: 0, samples: said }))
      await expect.poll(heardMs, { timeout: 15_000 }).toBeGreaterThan(saidMs / 2)
    } else {
      const alike = async () => likeness(said, (await caller.heard()).samples)
      await expect.poll(alike, { timeout: 15_000 }).toBeGreaterThan(0.6)
    }
    note('connections', String(await caller.page.evaluate(() => window.earshotPeers.length)))
  })
}

/**
 * Taps, once. Within 10 s the call is up; where packets are lost it may be up later, and within 10 s the
 * page says so, and goes on by itself.
 */
async function comesUp(caller: LabCaller, isLossyPath: boolean): Promise<void> {
  const live = caller.page.locator('main[data-state="live"]')
  await caller.tap()
  await expect(live).toBeVisible({ timeout: isLossyPath ? LOSSY_LIVE_MS : TOLD_MS })
  expect(await msFromTap(caller.page, 'live', 'late')).toBeLessThan(TOLD_MS)
}

/** The path that the page names and the browser's pair, once they agree: a call may just move to a better one. */
async function agreedPath(caller: LabCaller) {
  const read = async () => ({
    named: await caller.page.locator('main').getAttribute('data-path'),
    pair: await caller.selectedPair(),
  })
  const byBrowser = ({ named, pair }: Awaited<ReturnType<typeof read>>): string => {
    if (pair?.local !== 'relay') return 'direct/udp'
    // Firefox does not say which.
    return `relay/${pair.relayProtocol ?? named?.slice(6)}`
  }
  let seen = await read()
  await expect
    .poll(async () => {
      seen = await read()
      return byBrowser(seen) === seen.named ? 'agreed' : seen
    })
    .toBe('agreed')
  return seen
}

/**
 * Says it, and again when no answer began meanwhile, as people do on a bad line; resolves with how
 * often it was said. Rejects after `most`.
 */
async function sayUntilAnswered(
  caller: LabCaller,
  said: Int16Array,
  most: number,
): Promise<number> {
  const lines = concat([silence(500), said])
  for (let times = 1; ; times += 1) {
    const saying = caller.say(lines)
    const answering = expect(caller.status()).toContainText('Answering', { timeout: ANSWER_MS })
    const isAnswered = await answering.then(
      () => true,
      (error: unknown) => {
        if (times === most) throw error
        return false
      },
    )
    await saying
    if (isAnswered) return times
  }
}
