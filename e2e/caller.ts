/** A person at the page, and what can be told of what they saw and heard. */
import { expect, type Page, type TestInfo } from '@playwright/test'
import { soundStretches, type Heard } from './audio/heard.ts'
import type { TestBrowser } from './browser/browsers.ts'
import { heard, selectedPair, type SelectedPair } from './browser/capture.ts'

export interface Caller {
  readonly page: Page
  /** Taps the one large button by its name. */
  tap(name?: string): Promise<void>
  /** What the page says is happening. */
  status(): ReturnType<Page['getByRole']>
  /** Waits until the voice detector is loaded, so that the first word is marked. */
  ready(): Promise<void>
  /** By its newest connection, or by the one with this number, from 0. */
  heard(connection?: number): Promise<Heard>
  selectedPair(): Promise<SelectedPair | undefined>
}

/** Opens the page at `url`. */
export async function callerOn(
  browser: TestBrowser,
  url: string,
  testInfo: TestInfo,
): Promise<Caller> {
  const page = await browser.context.newPage()
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
    heard: (connection) => heard(page, connection),
    selectedPair: () => selectedPair(page),
  }
}

/** A failure is attached what the page showed and said, technical details included. */
export async function tellWhatWasSeen(pages: readonly Page[], testInfo: TestInfo): Promise<void> {
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
