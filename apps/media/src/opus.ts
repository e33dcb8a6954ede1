/**
 * Opus, by libopus compiled to WebAssembly (`../codec`). PCM here is mono, signed 16 bit, 48 kHz.
 * Nothing else touches the codec. All calls are synchronous; a 20 ms frame is 960 samples.
 */
import { wasmBytes } from '../codec/wasm.ts'

export const OPUS_SAMPLE_RATE = 48_000

export interface OpusDecoder {
  /** Decodes one packet, of any duration up to 120 ms. Throws OpusError if it is corrupt. */
  decode(packet: Uint8Array): Int16Array
  /**
   * Recovers the `samples` lost just before `next` from the redundancy that `next` carries (in-band
   * FEC); where it carries none, libopus conceals. `next` itself is still to be decoded afterwards.
   */
  recover(next: Uint8Array, samples: number): Int16Array
  /** Makes up `samples` lost samples (a multiple of 120, up to 5760) from what was heard before. */
  conceal(samples: number): Int16Array
  /** Frees the decoder. May be called again; any other call afterwards throws OpusError. */
  close(): void
}

export interface OpusEncoder {
  /**
   * Encodes 2.5, 5, 10, 20, 40 or 60 ms into one packet of at most 1275 bytes. With `dtx`, a packet
   * of 2 bytes or fewer says "still silent" and need not be sent.
   */
  encode(frame: Int16Array): Uint8Array
  /** Frees the encoder. May be called again; any other call afterwards throws OpusError. */
  close(): void
}

export interface OpusEncoderOptions {
  /** Bit/s, 6000 to 510000; 32000 if not given. */
  bitrate?: number
  /** 0 (cheapest) to 10 (best); 5 if not given. */
  complexity?: number
  /** Carry a coarse copy of the previous frame in each packet; on if not given. */
  fec?: boolean
  /** How much loss to prepare for, 0 to 100; 10 if not given. At 0 there is no FEC either. */
  expectedLossPercent?: number
  /** Send next to nothing in silence; off if not given. */
  dtx?: boolean
}

/** Whatever goes wrong in the codec: corrupt packets, wrong sizes, use after close. */
export class OpusError extends Error {
  override name = 'OpusError'
}

/** A decoder for one stream; stereo packets come out mixed to mono. `close()` it when done. */
export function createOpusDecoder(): OpusDecoder {
  const opus = codec()
  const decoder = owned('decoder', opus.decoder_create(), opus.decoder_destroy)

  // `bytes` 0 stands for a lost packet. One that did arrive is never empty: see put().
  function run(bytes: number, samples: number, fec: number): Int16Array {
    const decoded = check(opus.decode(decoder.pointer(), bytes, samples, fec))
    return new Int16Array(opus.memory.buffer, opus.pcm_buffer(), decoded).slice()
  }

  function put(packet: Uint8Array): number {
    if (packet.length === 0) throw new OpusError('Empty Opus packet')
    if (packet.length > opus.packet_capacity()) {
      throw new OpusError(`Opus packet of ${packet.length} bytes is too long`)
    }
    new Uint8Array(opus.memory.buffer, opus.packet_buffer(), packet.length).set(packet)
    return packet.length
  }

  return {
    decode: (packet) => run(put(packet), MAX_PACKET_SAMPLES, 0),
    recover: (next, samples) => run(put(next), lossLength(samples), 1),
    conceal: (samples) => run(0, lossLength(samples), 0),
    close: decoder.close,
  }
}

/** An encoder for one stream of voice. Throws RangeError on an option out of its range. */
export function createOpusEncoder(options: OpusEncoderOptions = {}): OpusEncoder {
  const bitrate = inRange('bitrate', options.bitrate ?? 32_000, 6_000, 510_000)
  const complexity = inRange('complexity', options.complexity ?? 5, 0, 10)
  const loss = inRange('expectedLossPercent', options.expectedLossPercent ?? 10, 0, 100)
  const fec = Number(options.fec ?? true)
  const dtx = Number(options.dtx ?? false)
  const opus = codec()
  const pointer = opus.encoder_create(bitrate, complexity, fec, loss, dtx)
  const encoder = owned('encoder', pointer, opus.encoder_destroy)

  return {
    encode(frame) {
      if (!ENCODABLE_SAMPLES.has(frame.length)) {
        throw new OpusError(`Cannot encode a frame of ${frame.length} samples`)
      }
      const handle = encoder.pointer()
      new Int16Array(opus.memory.buffer, opus.pcm_buffer(), frame.length).set(frame)
      const bytes = check(opus.encode(handle, frame.length))
      return new Uint8Array(opus.memory.buffer, opus.packet_buffer(), bytes).slice()
    },
    close: encoder.close,
  }
}

/**
 * How long a packet lasts, in samples at 48 kHz, read from its first bytes (RFC 6716, section 3.1)
 * without decoding. 0 for what is no Opus packet.
 */
export function packetSamples(packet: Uint8Array): number {
  const toc = packet[0]
  if (toc === undefined) return 0
  const samples = frameSamples(toc >> 3) * frameCount(toc & 3, packet[1])
  return samples <= MAX_PACKET_SAMPLES ? samples : 0
}

/** Bytes of memory the codec holds for all streams of this process; it never shrinks. */
export function opusMemoryBytes(): number {
  return codec().memory.buffer.byteLength
}

const MAX_PACKET_SAMPLES = 5760 // 120 ms
const SHORTEST_FRAME = 120 // 2.5 ms
const ENCODABLE_SAMPLES: ReadonlySet<number> = new Set([120, 240, 480, 960, 1920, 2880])

function frameSamples(config: number): number {
  if (config >= 16) return SHORTEST_FRAME << (config & 3) // CELT: 2.5, 5, 10, 20 ms
  if (config >= 12) return config & 1 ? 960 : 480 // hybrid: 10, 20 ms
  return [480, 960, 1920, 2880][config & 3] ?? 0 // SILK: 10, 20, 40, 60 ms
}

function frameCount(code: number, second: number | undefined): number {
  if (code === 3) return (second ?? 0) & 63
  return code === 0 ? 1 : 2
}

/** What shim.c exports. Pointers are byte offsets into `memory`; negative results are errors. */
interface Codec {
  readonly memory: { readonly buffer: ArrayBuffer }
  readonly _initialize: () => void
  readonly pcm_buffer: () => number
  readonly packet_buffer: () => number
  readonly packet_capacity: () => number
  readonly decoder_create: () => number
  readonly decoder_destroy: (decoder: number) => void
  readonly decode: (decoder: number, bytes: number, samples: number, fec: number) => number
  readonly encoder_create: (
    bitrate: number,
    complexity: number,
    fec: number,
    lossPercent: number,
    dtx: number,
  ) => number
  readonly encoder_destroy: (encoder: number) => void
  readonly encode: (encoder: number, samples: number) => number
}

// Node has it; its type package does not declare it.
declare const WebAssembly: {
  Module: new (bytes: Uint8Array) => object
  Instance: new (module: object) => { readonly exports: Codec }
}

let shared: Codec | undefined

/**
 * One instance for all streams: they differ only in their state, and JavaScript is never inside two
 * calls at once. Views of its memory are made per call, because growth detaches the old ones.
 */
function codec(): Codec {
  if (!shared) {
    shared = new WebAssembly.Instance(new WebAssembly.Module(wasmBytes())).exports
    // oxlint-disable-next-line no-underscore-dangle -- what WASI calls it
    shared._initialize()
  }
  return shared
}

/** Guards a pointer into the codec's memory against use after free and double free. */
function owned(what: string, pointer: number, destroy: (pointer: number) => void) {
  if (pointer === 0) throw new OpusError(`libopus could not create the ${what}`)
  let held = pointer
  return {
    pointer: (): number => {
      if (held === 0) throw new OpusError(`This Opus ${what} is closed`)
      return held
    },
    close: (): void => {
      if (held !== 0) destroy(held)
      held = 0
    },
  }
}

const MESSAGES: Readonly<Record<number, string>> = {
  [-1]: 'bad argument',
  [-2]: 'buffer too small',
  [-3]: 'internal error',
  [-4]: 'corrupt packet',
  [-7]: 'out of memory',
}

function check(result: number): number {
  if (result < 0) throw new OpusError(`Opus: ${MESSAGES[result] ?? `error ${result}`}`)
  return result
}

function lossLength(samples: number): number {
  const whole = samples > 0 && samples % SHORTEST_FRAME === 0 && samples <= MAX_PACKET_SAMPLES
  if (!whole)
    throw new OpusError(`Cannot fill in ${samples} samples: not a multiple of 120 to 5760`)
  return samples
}

function inRange(name: string, value: number, low: number, high: number): number {
  if (Number.isInteger(value) && value >= low && value <= high) return value
  throw new RangeError(`Opus ${name} must be a whole number from ${low} to ${high}, not ${value}`)
}
