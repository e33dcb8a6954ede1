/** How loud the microphone and the reply are right now, read once a frame. */
export interface Levels {
  mic: (stream: MediaStream | undefined) => void
  reply: (stream: MediaStream | undefined) => void
  /** 0 (silence) to 1 (loud), on a scale of loudness as it is felt. */
  read: () => { mic: number; reply: number }
}

/** Below this, in dBFS, is silence on the meter; above the other is loud. */
const QUIET_DB = -58
const LOUD_DB = -14

export function createLevels(context: AudioContext): Levels {
  const mic = tap(context)
  const reply = tap(context)
  return {
    mic: mic.connect,
    reply: reply.connect,
    read: () => ({ mic: mic.level(), reply: reply.level() }),
  }
}

/** The meter's reading of a level. Pure. */
export function felt(rms: number): number {
  if (rms <= 0) return 0
  const share = (20 * Math.log10(rms) - QUIET_DB) / (LOUD_DB - QUIET_DB)
  return Math.min(1, Math.max(0, share))
}

function tap(context: AudioContext) {
  const analyser = context.createAnalyser()
  analyser.fftSize = 1024
  const samples = new Float32Array(analyser.fftSize)
  let source: MediaStreamAudioSourceNode | undefined
  return {
    connect: (stream: MediaStream | undefined) => {
      source?.disconnect()
      source = stream && context.createMediaStreamSource(stream)
      source?.connect(analyser)
    },
    level: () => {
      if (!source) return 0
      analyser.getFloatTimeDomainData(samples)
      let sum = 0
      for (const sample of samples) sum += sample * sample
      return felt(Math.sqrt(sum / samples.length))
    },
  }
}
