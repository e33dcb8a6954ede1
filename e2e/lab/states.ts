/** When the page went through which state, by its own clock: a busy machine does not blur it. */
import type { Page } from '@playwright/test'

declare global {
  interface Window {
    /**
     * Each state of the call that the page has shown since, with the page's clock in ms; `late` is a
     * call that comes up after it was said that it takes long.
     */
    earshotStates: { state: string; at: number }[]
  }
}

/** Notes each change of the page's state from now on. */
export async function watchStates(page: Page): Promise<void> {
  await page.evaluate(() => {
    window.earshotStates = []
    const main = document.querySelector('main')
    if (!main) throw new Error('The page has no main element')
    const note = () => {
      const { state = '', step } = main.dataset
      const now = { state: step === 'late' ? step : state, at: performance.now() }
      if (window.earshotStates.at(-1)?.state !== now.state) window.earshotStates.push(now)
    }
    new MutationObserver(note).observe(main, { attributeFilter: ['data-state', 'data-step'] })
  })
}

/** Ms from the last tap, which the page answers at once, to the first of `wanted` after it. */
export async function msFromTap(page: Page, ...wanted: string[]): Promise<number> {
  const states = await page.evaluate(() => window.earshotStates)
  const from = states.findLastIndex((one) => one.state === 'connecting')
  const to = states.slice(from).find(({ state }) => wanted.includes(state))
  const tapped = states[from]
  if (!tapped || !to)
    throw new Error(`No '${wanted.join(' or ')}' after a tap: ${JSON.stringify(states)}`)
  return Math.round(to.at - tapped.at)
}
