/** What a handler keeps of a conversation, for the node that may have to go on with it. */
import { MAX_STATE_BYTES, type Kept } from '@earshot/protocol'

export class Keeper {
  #state: string | undefined
  #value: unknown
  #committed: Kept | undefined
  #changed = false

  /** `resume` is what another node has committed. State that is no JSON is dropped. */
  constructor(resume?: Kept) {
    this.#committed = resume
    if (resume?.state === undefined) return
    try {
      this.#value = JSON.parse(resume.state)
      this.#state = resume.state
    } catch {
      this.#committed = { turn: resume.turn }
    }
  }

  /** What was last kept, as a node would read it that takes the conversation over. */
  get value(): unknown {
    return this.#value
  }

  /** What the fleet should have; `undefined` before the first turn's end. */
  get committed(): Kept | undefined {
    return this.#committed
  }

  /** Something has been kept since the last `commit()`. */
  get changed(): boolean {
    return this.#changed
  }

  /** @throws {RangeError} above `MAX_STATE_BYTES`, and what `JSON.stringify` throws. */
  keep(value: unknown): void {
    const state: string | undefined = JSON.stringify(value)
    const bytes = Buffer.byteLength(state ?? '')
    if (bytes > MAX_STATE_BYTES) {
      throw new RangeError(`${bytes} bytes are more than the ${MAX_STATE_BYTES} that can be kept`)
    }
    this.#state = state
    this.#value = state === undefined ? undefined : JSON.parse(state)
    this.#changed = true
  }

  /** Turn number `turn` is over: what is kept now belongs to it. */
  commit(turn: number): Kept {
    this.#changed = false
    this.#committed = { turn, ...(this.#state !== undefined && { state: this.#state }) }
    return this.#committed
  }
}
