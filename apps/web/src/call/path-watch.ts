/**
 * Sees a dead path long before ICE does: a node that says so sends at least a packet every
 * `keepAliveMs`, so that silence is a fact and not a guess.
 */
import type { Clock } from './clock.ts'
import { callPath, receivedPackets, type StatsReport } from './stats.ts'

/** How often the count of packets is read, in ms. */
const LOOK_MS = 150
/** A look that comes this much late, in ms, was held up by the browser and proves no silence. */
const LATE_MS = 400
/** The shortest and the longest silence, in ms, that is taken for the end of the path. */
const MIN_SILENCE_MS = 700
const MAX_SILENCE_MS = 3_000
/** A path that has been silent for a while and came back is given more than that the next time. */
const PATIENCE = 2.5

export interface PathWatch {
  /** The last round trip that was measured, in ms. */
  rttMs(): number | undefined
}

/** Reads `stats` until the signal aborts or the path is silent, which it tells once, with for how long. */
export function watchPackets(
  clock: Clock,
  stats: () => Promise<StatsReport>,
  signal: AbortSignal,
  onSilent: (ms: number) => void,
): PathWatch {
  let rttMs: number | undefined
  void watch().catch(() => {
    // The signal, or a peer that was closed between two looks.
  })
  return { rttMs: () => rttMs }

  async function watch(): Promise<void> {
    let packets = 0
    let heardAt = clock.now()
    let lookedAt = heardAt
    let longest = 0
    for (;;) {
      await clock.wait(LOOK_MS, signal)
      const now = clock.now()
      const isLate = now - lookedAt > LOOK_MS + LATE_MS
      lookedAt = now
      const report = await stats()
      signal.throwIfAborted()
      rttMs = callPath(report)?.rttMs ?? rttMs
      const count = receivedPackets(report)
      if (count !== packets || isLate) {
        if (!isLate) longest = Math.max(longest, now - heardAt)
        packets = count
        heardAt = now
      } else if (now - heardAt >= silenceLimit(longest)) {
        onSilent(now - heardAt)
        return
      }
    }
  }
}

/** The silence, in ms, that is too long on a path whose longest so far was `longestMs`. */
export function silenceLimit(longestMs: number): number {
  return Math.min(MAX_SILENCE_MS, Math.max(MIN_SILENCE_MS, PATIENCE * longestMs))
}
