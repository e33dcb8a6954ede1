/** A media node that is started anew when its source changes. */
import { watch } from 'node:fs'
import { ROOT } from '../stack/places.ts'
import { startMediaNode } from '../stack/media.ts'
import type { MediaNode, MediaOptions } from '../stack/media.ts'
import { PartFailure } from '../stack/process.ts'

export interface ReloadedMedia {
  /** Rejects with `PartFailure` when the node ends by itself; never settles otherwise. */
  readonly crashed: Promise<never>
  stop(): Promise<void>
}

const WATCHED = ['apps/media/src', 'packages/audio/src', 'packages/protocol/src']
/** An editor saves in several steps. */
const SETTLE_MS = 200

/** Starts the node; throws `PartFailure` when it does not get ready. Later faults wait for a change. */
export async function reloadedMedia(
  options: MediaOptions,
  note: (text: string) => void,
): Promise<ReloadedMedia> {
  const { promise: crashed, reject } = Promise.withResolvers<never>()
  crashed.catch(() => {})
  let node: MediaNode | undefined
  let stopped = false
  let timer: NodeJS.Timeout | undefined
  let turn = Promise.resolve()

  const start = async (): Promise<void> => {
    const started = await startMediaNode(options)
    node = started
    void started.part.ended.then((how) => {
      // Only a node that nobody has asked to end has crashed.
      if (!stopped && node === started && options.signal?.aborted !== true) {
        reject(new PartFailure('media', `ended (${how})`, started.part.lastLines()))
      }
      return undefined
    })
  }
  const restart = async (): Promise<void> => {
    if (stopped) return
    const old = node
    node = undefined
    await old?.stop()
    try {
      await start()
      note('media  started anew: its source has changed')
    } catch (error) {
      if (!stopped) note(`${String(error)}\nWaiting for the next change.`)
    }
  }
  await start()
  const watchers = WATCHED.map((path) =>
    watch(`${ROOT}/${path}`, { recursive: true }, (_, file) => {
      if (file?.endsWith('.test.ts')) return
      clearTimeout(timer)
      timer = setTimeout(() => {
        turn = turn.then(restart)
      }, SETTLE_MS)
    }),
  )
  return {
    crashed,
    stop: async () => {
      stopped = true
      clearTimeout(timer)
      for (const watcher of watchers) watcher.close()
      await turn
      await node?.stop()
    },
  }
}
