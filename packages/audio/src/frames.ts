/** Cuts a stream of any-size chunks into frames of exactly `size` samples. */
export class Framer {
  readonly #size: number
  #rest = new Int16Array(0)

  constructor(size: number) {
    if (!Number.isInteger(size) || size < 1)
      throw new RangeError(`frame size ${size} is not a count`)
    this.#size = size
  }

  /** The frames that are complete now; what is left waits for the next chunk. */
  push(chunk: Int16Array): Int16Array[] {
    const samples = new Int16Array(this.#rest.length + chunk.length)
    samples.set(this.#rest)
    samples.set(chunk, this.#rest.length)
    const frames: Int16Array[] = []
    let offset = 0
    for (; offset + this.#size <= samples.length; offset += this.#size) {
      frames.push(samples.slice(offset, offset + this.#size))
    }
    this.#rest = samples.slice(offset)
    return frames
  }

  /** What is left, filled up with silence to a whole frame; nothing when nothing is left. */
  flush(): Int16Array | undefined {
    if (this.#rest.length === 0) return undefined
    const frame = new Int16Array(this.#size)
    frame.set(this.#rest)
    this.#rest = new Int16Array(0)
    return frame
  }
}
