import type { NodeEvent } from '@earshot/protocol'

const MAX_BYTES = 64 * 1024

/** Events that nobody was there to hear, the newest 64 KB of them. */
export class Unsent {
  #waiting: { readonly event: NodeEvent; readonly bytes: number }[] = []
  #bytes = 0

  /** Keeps what still matters later; the rest tells of a moment that has gone. */
  add(event: NodeEvent): void {
    if (event.type !== 'output' && event.type !== 'handler.error') return
    const bytes = Buffer.byteLength(JSON.stringify(event))
    this.#waiting.push({ event, bytes })
    this.#bytes += bytes
    while (this.#bytes > MAX_BYTES) this.#bytes -= this.#waiting.shift()?.bytes ?? 0
  }

  /** All of them, oldest first; there are none left afterwards. */
  take(): NodeEvent[] {
    const events = this.#waiting.map(({ event }) => event)
    this.#waiting = []
    this.#bytes = 0
    return events
  }
}
