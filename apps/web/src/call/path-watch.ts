/**
 * Sees a dead path long before ICE does: a node that says so sends at least a packet every
 * `keepAliveMs`, so that silence is a fact and not a guess.
 */
import type { Clock } from './clock.ts'
import { callPath, type CallPath, receivedPackets, type StatsReport } from './stats.ts'

/** How often the count of packets is read, in ms. */
const LOOK_MS = 80
/** A look that comes this much late, in ms, was held up by the browser and proves no silence. */
const LATE_MS = 400
/** The shortest and the longest silence, in ms, that is taken for the end of the path. */
const MIN_SILENCE_MS = 400
/** TCP is silent for as long as it takes to send a lost packet again, and twice as long the next time. */
const MIN_TCP_SILENCE_MS = 2_000
const MAX_SILENCE_MS = 5_000
/** A path that has been silent for a while and came back is given more than that the next time. */
const PATIENCE = 2.5
/** After a change of network, for so long, in ms, so short a silence is enough. */
const SUSPECT_MS = 3_000
const SUSPECT_SILENCE_MS = 250

export interface PathWatch {
  /** The last round trip that was measured, in ms. */
  rttMs(): number | undefined
  /** The network has changed: that is no loss, but makes one likely. */
  suspect(): void
}

export interface WatchNews {
  /** After each look, with the path in use. */
  onLook(path: CallPath | undefined): void
  /** Once: nothing has come for `ms`. */
  onSilent(ms: number): void
}

/**
 * Reads `stats` until the signal aborts or the path is silent. `patience`: 1, or more where connections of
 * this call have fallen one soon after another; so many times as long a silence is bearable.
 */
export function watchPackets(
  clock: Clock,
  stats: () => Promise<StatsReport>,
  signal: AbortSignal,
  news: WatchNews,
  patience = 1,
): PathWatch {
  let rttMs: number | undefined
  let suspectUntil = -Infinity
  void watch().catch(() => {
    // The signal, or a peer that was closed between two looks.
  })
  return {
    rttMs: () => rttMs,
    suspect: () => {
      suspectUntil = clock.now() + SUSPECT_MS
    },
  }

  function limit(path: CallPath | undefined, now: number, longest: number): number {
    const usual = silenceLimit(longest, path?.transport, patience)
    return now < suspectUntil ? Math.min(SUSPECT_SILENCE_MS, usual) : usual
  }

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
      const path = callPath(report)
      rttMs = path?.rttMs ?? rttMs
      news.onLook(path)
      const count = receivedPackets(report)
      if (count !== packets || isLate) {
        // The wait for the first packet says nothing of the path: a browser takes its time to begin.
        if (!isLate && packets > 0) longest = Math.max(longest, now - heardAt)
        packets = count
        heardAt = now
      } else if (now - heardAt >= (packets > 0 ? limit(path, now, longest) : MAX_SILENCE_MS)) {
        news.onSilent(now - heardAt)
        return
      }
    }
  }
}

/** The silence, in ms, that is too long on a path whose longest so far was `longestMs`. */
export function silenceLimit(
  longestMs: number,
  transport: CallPath['transport'] = 'udp',
  patience = 1,
): number {
  const least = patience * (transport === 'udp' ? MIN_SILENCE_MS : MIN_TCP_SILENCE_MS)
  return Math.min(MAX_SILENCE_MS, Math.max(least, PATIENCE * longestMs))
}
