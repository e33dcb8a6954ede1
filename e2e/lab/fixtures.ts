/** What a test of the lab has: a network, our parts in it, and a caller with a browser. */
import { writeFile } from 'node:fs/promises'
import { encodeWav } from '@earshot/audio'
import { test as base, expect } from '@playwright/test'
import { SAMPLE_RATE } from '../audio/speech.ts'
import { startBrowser, type BrowserName } from '../browser/browsers.ts'
import { callerOn, tellWhatWasSeen, type Caller } from '../caller.ts'
import { LabStack, type NodeChoice } from './lab-stack.ts'
import type { Network } from './net/description.ts'
import { up, type Lab } from './net/lab.ts'
import { triedPairs } from './pairs.ts'
import { startProxy } from './start-proxy.ts'
import { watchStates } from './states.ts'

/** A network with everything running in it, and one node as the last test wanted it. */
interface Ground {
  readonly lab: Lab
  readonly stack: LabStack
  node: string | undefined
}

interface Fixtures {
  /**
   * Puts a caller in front of `network`: the parts are up, the node is linked, the page is open. Another
   * one in the same test shares what the first one has, but for the browser.
   */
  readonly callerIn: (options: CallerOptions) => Promise<LabCaller>
}

export interface CallerOptions {
  readonly network: Network
  readonly node?: NodeChoice
  readonly browser?: BrowserName
}

export interface LabCaller extends Caller {
  readonly lab: Lab
  readonly stack: LabStack
  /** Says 48 kHz mono into the microphone, now; it is silent else. Resolves when it has been said. */
  say(samples: Int16Array): Promise<void>
}

interface WorkerFixtures {
  /** The same network again where the VM's kind is the same: only the caller's side is made anew. */
  readonly groundFor: (network: Network, node: NodeChoice) => Promise<Ground>
}

export const test = base.extend<Fixtures, WorkerFixtures>({
  groundFor: [
    // oxlint-disable-next-line no-empty-pattern -- Playwright reads the fixtures' names from here.
    async ({}, use) => {
      let ground: Ground | undefined
      const leave = async (): Promise<void> => {
        const last = ground
        ground = undefined
        if (!last) return
        await last.stack.stop().catch(console.error)
        await last.lab.down()
      }
      await use(async (network, node) => {
        if ((ground?.lab.network.vm ?? 'public') !== (network.vm ?? 'public')) await leave()
        if (ground) await ground.lab.change({ ...network, path: {} })
        else ground = await makeGround({ ...network, path: {} })
        const key = JSON.stringify(node)
        if (ground.node !== key || !ground.stack.runs(node)) {
          await ground.stack.stopNodes()
          await ground.stack.node(node)
          ground.node = key
        }
        return ground
      })
      await leave()
    },
    { scope: 'worker', timeout: 90_000 },
  ],
  callerIn: async ({ groundFor }, use, testInfo) => {
    const stops: (() => unknown)[] = []
    const callers: LabCaller[] = []
    await use(async ({ network, node = {}, browser: name = 'chromium' }) => {
      // A second caller of a test is the first one's neighbour, and changes nothing.
      const { lab, stack } = callers[0] ?? (await groundFor(network, node))
      const { path = {} } = network
      // Connections that are open already would not learn of a narrower path.
      if (path.mtu) await lab.shape(path)
      const site = await stack.site()
      const isProxied = network.caller?.firewall === 'proxy-only'
      const proxy = isProxied ? await startProxy(stack) : undefined
      stops.push(() => proxy?.stop())
      const browser = await startBrowser(name, {
        site: { ...site, ...(proxy && { proxy: proxy.url }) },
      })
      stops.push(() => browser.stop())
      const person = await callerOn(browser, site.origin, testInfo)
      const say = (samples: Int16Array) => browser.say(samples)
      const caller = { ...person, lab, stack, say }
      callers.push(caller)
      await caller.ready()
      await watchStates(caller.page)
      // The page is here, its 5 MB did not have to cross a bad path: the call has to.
      if (!path.mtu) await lab.shape(path)
      return caller
    })
    if (testInfo.status !== testInfo.expectedStatus) {
      const pages = callers.map(({ page }) => page)
      await tellWhatWasSeen(pages, testInfo)
      for (const [i, caller] of callers.entries()) {
        const pairs = await triedPairs(caller.page).catch((error: unknown) => [String(error)])
        console.log(`Page ${i} tried:\n${pairs.join('\n')}`)
        const { samples } = await caller.heard().catch(() => ({ samples: new Int16Array(0) }))
        const wav = encodeWav({ samples, sampleRate: SAMPLE_RATE })
        await writeFile(testInfo.outputPath(`heard-${i}.wav`), wav)
      }
      for (const { stack } of callers) console.log(stack.lastLines())
    }
    for (const stop of stops) await stop()
  },
})

async function makeGround(network: Network): Promise<Ground> {
  const lab = await up(network)
  try {
    return { lab, stack: await LabStack.start(lab), node: undefined }
  } catch (error) {
    await lab.down()
    throw error
  }
}

export { expect }
