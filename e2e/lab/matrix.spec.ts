/**
 * Every network a caller can sit behind: the call comes up by the path that fits the network, and
 * what is said is heard and said back. `choice.ts` says which cells are run.
 */
import { concat } from '@earshot/audio'
import { likeness, soundStretches, totalMs } from '../audio/heard.ts'
import { silence, speech } from '../audio/speech.ts'
import { expectedPaths, isLossy, nameOf, networkOf, nodeFor } from './cells.ts'
import { cellsOf } from './choice.ts'
import { expect, test } from './fixtures.ts'
import { MEDIA, VM } from './net/addresses.ts'
import { msFromTap } from './states.ts'

/** Long enough that other sounds are not taken for it, short enough for some forty cells. */
const SENTENCE = 'Hello, is anybody there?'

for (const cell of cellsOf(process.env)) {
  test(nameOf(cell), async ({ callerIn }, testInfo) => {
    const note = (type: string, description: string) =>
      testInfo.annotations.push({ type, description })
    note('cell', JSON.stringify(cell))
    const said = await speech(SENTENCE)
    const caller = await callerIn({
      network: networkOf(cell),
      node: nodeFor(cell),
      browser: cell.browser,
    })
    await caller.tap()
    await expect(caller.page.locator('main')).toHaveAttribute('data-state', 'live')
    note('tap-to-live-ms', String(await msFromTap(caller.page, 'live')))

    // The way of the packets, by the browser's own account.
    const pathOfCall = caller.page.locator('main')
    await expect(pathOfCall).toHaveAttribute('data-path', new RegExp(expectedPaths(cell).join('|')))
    const named = await pathOfCall.getAttribute('data-path')
    note('path', String(named))
    const pair = await caller.selectedPair()
    expect(pair?.remoteAddress).toBe(cell.mode === 'direct' ? VM.v4 : MEDIA)
    if (named === 'direct/udp') {
      expect(pair?.local).not.toBe('relay')
    } else {
      expect(pair?.local).toBe('relay')
      // Firefox does not say it.
      expect(`relay/${pair?.relayProtocol ?? named?.slice(6)}`).toBe(named)
    }

    // What was said arrived, for nothing else would be answered; and the answer is what was said.
    const saying = caller.say(concat([silence(500), said]))
    await expect(caller.status()).toContainText('Answering', { timeout: 20_000 })
    await saying
    if (isLossy(cell)) {
      const heardMs = async () => totalMs(soundStretches(await caller.heard()))
      const saidMs = totalMs(soundStretches({ at: 0, samples: said }))
      await expect.poll(heardMs, { timeout: 15_000 }).toBeGreaterThan(saidMs / 2)
    } else {
      const alike = async () => likeness(said, (await caller.heard()).samples)
      await expect.poll(alike, { timeout: 15_000 }).toBeGreaterThan(0.6)
    }
  })
}
