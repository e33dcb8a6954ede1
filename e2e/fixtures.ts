import { test as base, expect, type Page, type TestInfo } from '@playwright/test'
import { heard, selectedPair, type SelectedPair } from './browser/capture.ts'
import { startBrowser, type BrowserName, type BrowserOptions } from './browser/browsers.ts'
import { soundStretches, type Heard } from './audio/heard.ts'
import { Stack } from './stack.ts'

/** A person at the page. */
export interface Caller {
  readonly page: Page
  /** Taps the one large button by its name. */
  tap(name?: string): Promise<void>
  /** What the page says is happening. */
  status(): ReturnType<Page['getByRole']>
  /** Waits until the voice detector is loaded, so that the first word is marked. */
  ready(): Promise<void>
  heard(): Promise<Heard>
  selectedPair(): Promise<SelectedPair | undefined>
}

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
      const page = await browser.context.newPage()
      pages.push(page)
      page.on('console', (message) => {
        if (message.type() === 'error')
          testInfo.annotations.push({ type: 'console', description: message.text() })
      })
      await page.goto(url)
      return {
        page,
        async tap(button = 'Start talking') {
          await page.getByRole('button', { name: button }).click()
          browser.talk()
        },
        status: () => page.getByRole('status'),
        async ready() {
          await expect(page.locator('main')).toHaveAttribute('data-detector', 'ready', {
            timeout: 30_000,
          })
        },
        heard: () => heard(page),
        selectedPair: () => selectedPair(page),
      }
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

/** A failure is attached what the page showed and said, technical details included. */
async function tellWhatWasSeen(pages: readonly Page[], testInfo: TestInfo): Promise<void> {
  for (const [i, page] of pages.entries()) {
    await page.screenshot({ path: testInfo.outputPath(`page-${i}.png`) }).catch(() => undefined)
    await page
      .getByText('Details')
      .click({ timeout: 1000 })
      .catch(() => undefined)
    const text = await page.locator('main').innerText({ timeout: 1000 }).catch(String)
    const events = await page.evaluate(() => window.earshotEvents.join('\n')).catch(String)
    const { at, samples } = await heard(page).catch(() => ({ at: 0, samples: new Int16Array(0) }))
    const sound = soundStretches({ at, samples }).map(
      ({ from, to }) => `${from.toFixed()}-${to.toFixed()}`,
    )
    console.log(`Page ${i} said:\n${text}\nEvents:\n${events}\nSound heard, ms: ${sound.join(' ')}`)
  }
}

export { expect }
