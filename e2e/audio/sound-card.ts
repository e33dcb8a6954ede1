/**
 * A sound card of our own: a private PulseAudio with a microphone fed by `say` and a mute speaker. For
 * Firefox, which has no fake microphone that plays a file and whose audio stands still without a device,
 * and for whoever has to speak at a moment of their choice.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { encodeWav } from '@earshot/audio'
import { startPart, whenReady } from '../../scripts/stack/process.ts'
import { SAMPLE_RATE } from './speech.ts'

export interface SoundCard {
  /** For the browser: which server to talk to. */
  readonly env: Record<string, string>
  /** Plays 48 kHz mono into the microphone; resolves when it has been played. */
  say(samples: Int16Array): Promise<void>
  stop(): Promise<void>
}

export async function startSoundCard(): Promise<SoundCard> {
  const directory = await mkdtemp(join(tmpdir(), 'earshot-sound-'))
  const socket = join(directory, 'native')
  const script = join(directory, 'default.pa')
  await writeFile(
    script,
    [
      'load-module module-null-sink sink_name=voice',
      'load-module module-null-sink sink_name=speaker',
      'load-module module-remap-source master=voice.monitor source_name=microphone',
      `load-module module-native-protocol-unix auth-anonymous=1 socket=${socket}`,
      'set-default-sink speaker',
      'set-default-source microphone',
    ].join('\n'),
  )
  const env = {
    PULSE_SERVER: `unix:${socket}`,
    HOME: directory,
    XDG_RUNTIME_DIR: directory,
    PULSE_RUNTIME_PATH: directory,
  }
  const server = await startPart({
    name: 'pulseaudio',
    command: 'pulseaudio',
    args: ['-n', '-F', script, '--exit-idle-time=-1', '--daemonize=no', '--use-pid-file=no'],
    env,
  })
  const ask = async (args: string[]): Promise<boolean> => {
    const part = await startPart({ name: 'pactl', command: 'pactl', args, env })
    return (await part.ended) === 'exit code 0'
  }
  await whenReady(server, () => ask(['info']), 10_000)
  return {
    env: { PULSE_SERVER: env.PULSE_SERVER },
    async say(samples) {
      const file = join(directory, `${performance.now()}.wav`)
      await writeFile(file, encodeWav({ samples, sampleRate: SAMPLE_RATE }))
      const player = await startPart({
        name: 'paplay',
        command: 'paplay',
        args: ['--device=voice', file],
        env,
      })
      await player.ended
    },
    async stop() {
      await server.stop()
      await rm(directory, { recursive: true, force: true })
    },
  }
}
