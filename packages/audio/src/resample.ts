/**
 * A streaming polyphase resampler: windowed sinc, 16 zero crossings a side, Kaiser window (beta 9,
 * about 90 dB of stop band). The output is the same however the input is cut into chunks.
 */
export class Resampler {
  readonly #up: number
  readonly #down: number
  /** One row of taps for each of the `up` phases. */
  readonly #phases: readonly Float32Array[]
  readonly #taps: number
  /** The last `taps - 1` input samples, before the next one. */
  #history: Float32Array
  /** Position of the next output, in 1/up of an input sample, from the start of the next chunk. */
  #position = 0

  /** Rates in Hz, whole numbers from 8,000 to 192,000. @throws {RangeError} */
  constructor(inputRate: number, outputRate: number) {
    for (const rate of [inputRate, outputRate]) {
      if (!Number.isInteger(rate) || rate < 8_000 || rate > 192_000) {
        throw new RangeError(`sample rate ${rate} Hz is not a whole number from 8000 to 192000`)
      }
    }
    const divisor = gcd(inputRate, outputRate)
    this.#up = outputRate / divisor
    this.#down = inputRate / divisor
    if (this.#up > MAX_PHASES) {
      throw new RangeError(
        `${inputRate} Hz cannot be made ${outputRate} Hz: their ratio has no small terms`,
      )
    }
    // Going down, the cut-off follows the lower rate and the filter grows with it.
    const cutoff = Math.min(1, outputRate / inputRate)
    this.#taps = 2 * Math.ceil(ZERO_CROSSINGS / cutoff)
    this.#phases = phases(this.#up, this.#taps, cutoff)
    this.#history = new Float32Array(this.#taps - 1)
  }

  /** The output that the input so far allows; its filter delay is `ZERO_CROSSINGS` input samples or more. */
  push(chunk: Int16Array): Int16Array {
    if (this.#up === this.#down) return chunk
    const before = this.#history.length
    const input = new Float32Array(before + chunk.length)
    input.set(this.#history)
    input.set(chunk, before)

    const end = chunk.length * this.#up
    const out = new Int16Array(Math.max(0, Math.ceil((end - this.#position) / this.#down)))
    let position = this.#position
    for (let i = 0; i < out.length; i++, position += this.#down) {
      out[i] = this.#at(input, Math.floor(position / this.#up), position % this.#up)
    }
    this.#position = position - end
    this.#history = input.slice(chunk.length)
    return out
  }

  /** The end of the signal: what the filter still holds. The resampler starts anew after it. */
  flush(): Int16Array {
    if (this.#up === this.#down) return new Int16Array(0)
    const tail = this.push(new Int16Array(this.#taps / 2))
    this.#history = new Float32Array(this.#taps - 1)
    this.#position = 0
    return tail
  }

  #at(input: Float32Array, start: number, phase: number): number {
    const taps = this.#phases[phase] as Float32Array
    let sum = 0
    for (let i = 0; i < taps.length; i++) sum += (taps[i] as number) * (input[start + i] as number)
    return Math.max(-32_768, Math.min(32_767, Math.round(sum)))
  }
}

/** The whole of `samples` at another rate, without the filter's delay. */
export function resample(samples: Int16Array, inputRate: number, outputRate: number): Int16Array {
  if (inputRate === outputRate) return samples
  const resampler = new Resampler(inputRate, outputRate)
  const head = resampler.push(samples)
  const tail = resampler.flush()
  const whole = new Int16Array(head.length + tail.length)
  whole.set(head)
  whole.set(tail, head.length)
  const cutoff = Math.min(1, outputRate / inputRate)
  const delay = Math.round((Math.ceil(ZERO_CROSSINGS / cutoff) * outputRate) / inputRate)
  return whole.slice(delay, delay + Math.round((samples.length * outputRate) / inputRate))
}

/** 22,050 and 11,025 Hz to 48 kHz need 320 and 640; the table of an odd rate would take seconds. */
const MAX_PHASES = 1_000
const ZERO_CROSSINGS = 16
const KAISER_BETA = 9

function phases(up: number, taps: number, cutoff: number): Float32Array[] {
  return Array.from({ length: up }, (_, phase) => {
    const row = new Float64Array(taps)
    let sum = 0
    for (let i = 0; i < taps; i++) {
      // Distance in input samples from this tap to the output's place.
      const x = i - (taps / 2 - 1) - phase / up
      row[i] = cutoff * sinc(cutoff * x) * kaiser((2 * x) / taps)
      sum += row[i] as number
    }
    // Every phase passes a constant unchanged, or a steady input would ripple at the phase rate.
    return Float32Array.from(row, (tap) => tap / sum)
  })
}

function sinc(x: number): number {
  return x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x)
}

function kaiser(x: number): number {
  return Math.abs(x) >= 1 ? 0 : bessel(KAISER_BETA * Math.sqrt(1 - x * x)) / bessel(KAISER_BETA)
}

/** Modified Bessel function of the first kind, order 0, by its series. */
function bessel(x: number): number {
  let term = 1
  let sum = 1
  for (let k = 1; term > sum * 1e-12; k++) {
    term *= (x / (2 * k)) ** 2
    sum += term
  }
  return sum
}

function gcd(a: number, b: number): number {
  return b === 0 ? a : gcd(b, a % b)
}
