import { concat } from '@earshot/audio'

/** The newest `limit` samples, at least, of all that were pushed; what is older is dropped. */
export class Tail {
  readonly #limit: number
  #chunks: Int16Array[] = []
  #length = 0

  constructor(limit: number) {
    this.#limit = limit
  }

  push(samples: Int16Array): void {
    this.#chunks.push(samples)
    this.#length += samples.length
    for (;;) {
      const [oldest] = this.#chunks
      if (!oldest || this.#length - oldest.length < this.#limit) return
      this.#chunks.shift()
      this.#length -= oldest.length
    }
  }

  /** What is there, `limit` samples at most. */
  samples(): Int16Array {
    return concat(this.#chunks).slice(-this.#limit)
  }

  /** The same, and it is no longer here. */
  take(): Int16Array {
    const samples = this.samples()
    this.#chunks = []
    this.#length = 0
    return samples
  }
}
