/** The conversations of a node: those that are in a call, and those that wait for their callers. */
import { RESUME_MS, type FromNode, type Kept } from '@earshot/protocol'
import { Conversation, type ConversationOptions } from './conversation.ts'

type Keep = Extract<FromNode, { type: 'keep' }>

export interface ConversationsOptions extends Omit<ConversationOptions, 'id' | 'resume' | 'save'> {
  /** How many may wait at once; the one that has waited longest goes first. */
  readonly maxWaiting: number
  /** How long one waits, in ms; `RESUME_MS` if not given. */
  readonly resumeMs?: number | undefined
  readonly keep: (frame: Keep) => void
}

interface Entry {
  readonly conversation: Conversation
  /** Its newest call: the fleet knows it by that. */
  call: string
}

export class Conversations {
  readonly #options: ConversationsOptions
  readonly #entries = new Map<string, Entry>()
  /** Those without a call, the longest first. */
  readonly #waiting = new Map<string, NodeJS.Timeout>()

  constructor(options: ConversationsOptions) {
    this.#options = options
  }

  get(id: string): Conversation | undefined {
    return this.#entries.get(id)?.conversation
  }

  /** The id of the conversation whose newest call is `call`. */
  idOf(call: string): string | undefined {
    return [...this.#entries].find(([, entry]) => entry.call === call)?.[0]
  }

  /** The conversation `id` for its call `call`: the one that is here, or one made of what was kept. */
  open(id: string, call: string, resume: Kept | undefined): Conversation {
    const found = this.#entries.get(id)
    if (found) {
      this.#wake(id)
      found.call = call
      return found.conversation
    }
    const entry: Entry = {
      call,
      conversation: new Conversation({
        ...this.#options,
        id,
        resume,
        save: (kept) => this.#options.keep({ type: 'keep', call: entry.call, kept }),
      }),
    }
    this.#entries.set(id, entry)
    return entry.conversation
  }

  /** Its last call is gone. One that no connection has ever reached holds nothing to wait for. */
  wait(id: string): void {
    const entry = this.#entries.get(id)
    if (!entry) return
    if (!entry.conversation.reached) return this.close(id)
    this.#wake(id)
    const { maxWaiting, resumeMs = RESUME_MS } = this.#options
    this.#waiting.set(id, setTimeout(() => this.close(id), resumeMs).unref())
    const [longest] = this.#waiting.keys()
    if (this.#waiting.size > maxWaiting && longest !== undefined) this.close(longest)
  }

  close(id: string): void {
    this.#wake(id)
    this.#entries.get(id)?.conversation.close()
    this.#entries.delete(id)
  }

  closeAll(): void {
    for (const id of this.#entries.keys()) this.close(id)
  }

  /** Tells the fleet once more what it should have of each. */
  keepAll(): void {
    for (const { call, conversation } of this.#entries.values()) {
      const kept = conversation.committed
      if (kept) this.#options.keep({ type: 'keep', call, kept })
    }
  }

  #wake(id: string): void {
    clearTimeout(this.#waiting.get(id))
    this.#waiting.delete(id)
  }
}
