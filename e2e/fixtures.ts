import { test as base, expect, type Page } from '@playwright/test'
import { startBrowser, type BrowserName, type BrowserOptions } from './browser/browsers.ts'
import { callerOn, tellWhatWasSeen, type Caller } from './caller.ts'
import { Stack } from './stack.ts'

interface Fixtures {
  /** Opens the page in the project's browser, with a microphone that says `lines`. */
  readonly callerWith: (options: BrowserOptions, url?: string) => Promise<Caller>
}

export const test = base.extend<Fixtures & { ownNodes: void }, { stack: Stack }>({
  stack: [
    // oxlint-disable-next-line no-empty-pattern -- Playwright reads the fixtures' names from here.
    async ({}, use) => {
      const stack = await Stack.start()
      await use(stack)
      await stack.stop()
    },
    { scope: 'worker', timeout: 60_000 },
  ],
  callerWith: async ({ stack }, use, testInfo) => {
    const stops: (() => Promise<void>)[] = []
    const pages: Page[] = []
    await use(async (options, url = stack.edge.url) => {
      const name: BrowserName = testInfo.project.name === 'firefox' ? 'firefox' : 'chromium'
      const browser = await startBrowser(name, options)
      stops.push(() => browser.stop())
      const caller = await callerOn(browser, url, testInfo)
      pages.push(caller.page)
      return caller
    })
    if (testInfo.status !== testInfo.expectedStatus) {
      await tellWhatWasSeen(pages, testInfo)
      console.log(stack.lastLines())
    }
    for (const stop of stops) await stop()
  },
  // Whoever started a node, the next test must not be answered by it.
  ownNodes: [
    async ({ stack }, use) => {
      await use()
      await stack.stopNodes()
    },
    { auto: true },
  ],
})

export { expect }
