/** Every pair of candidates that the newest connection has tried: why a call took the path it took. */
import type { Page } from '@playwright/test'

/** One line for each: `relay udp succeeded, nominated, 3 checks answered`. No address. */
export function triedPairs(page: Page): Promise<string[]> {
  return page.evaluate(async () => {
    const report = await window.earshotPeers.at(-1)?.getStats()
    const all = new Map<string, Record<string, unknown>>()
    report?.forEach((entry: Record<string, unknown>) => all.set(String(entry['id']), entry))
    const text = (value: unknown) => (typeof value === 'string' ? value : '')
    return [...all.values()]
      .filter((entry) => entry['type'] === 'candidate-pair')
      .map((pair) => {
        const local = all.get(text(pair['localCandidateId'])) ?? {}
        const transport = text(local['relayProtocol']) || text(local['protocol'])
        const nominated = pair['nominated'] === true ? ', nominated' : ''
        const state = `${text(pair['state'])}${nominated}`
        const answered = `${Number(pair['responsesReceived'])} checks answered`
        return `${text(local['candidateType'])} ${transport} ${state}, ${answered}`
      })
  })
}
