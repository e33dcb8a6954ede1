import { describe, expect, it } from 'vitest'
import { listMics, type MediaDevicesLike, openMic } from './microphone.ts'
import { fakeStream } from './testing.ts'

/** Devices whose `getUserMedia` fails with these names, in turn, and then works. */
function devicesThatFail(...names: string[]) {
  const asked: (MediaStreamConstraints | undefined)[] = []
  const { stream } = fakeStream()
  const devices: MediaDevicesLike = {
    getUserMedia: async (constraints) => {
      const name = names[asked.length]
      asked.push(constraints)
      if (name !== undefined) throw new DOMException('fake', name)
      return stream
    },
    enumerateDevices: async () => [],
  }
  return { devices, asked, stream }
}

describe('openMic', () => {
  it.each([
    ['NotAllowedError', 'mic-refused'],
    ['SecurityError', 'mic-refused'],
    ['NotFoundError', 'mic-missing'],
    ['NotReadableError', 'mic-busy'],
    ['AbortError', 'mic-busy'],
  ])('says %s as %s', async (name, code) => {
    const { devices } = devicesThatFail(name)
    await expect(openMic(devices, undefined)).rejects.toMatchObject({ code })
  })

  it('knows an insecure page', async () => {
    await expect(openMic(undefined, undefined)).rejects.toMatchObject({ code: 'insecure-page' })
  })

  it.each(['OverconstrainedError', 'NotFoundError'])(
    'takes any microphone when the chosen one is gone (%s)',
    async (name) => {
      const { devices, asked, stream } = devicesThatFail(name)
      await expect(openMic(devices, 'gone')).resolves.toBe(stream)
      expect(asked).toMatchObject([{ audio: { deviceId: { exact: 'gone' } } }, { audio: {} }])
      expect(asked[1]?.audio).not.toHaveProperty('deviceId')
    },
  )

  it('does not ask again when it was refused', async () => {
    const { devices, asked } = devicesThatFail('NotAllowedError')
    await expect(openMic(devices, 'any')).rejects.toMatchObject({ code: 'mic-refused' })
    expect(asked).toHaveLength(1)
  })
})

describe('listMics', () => {
  it('leaves out what has no name yet and what is no microphone', async () => {
    const device = (kind: MediaDeviceKind, deviceId: string, label: string): MediaDeviceInfo => ({
      kind,
      deviceId,
      label,
      groupId: '',
      toJSON: () => ({}),
    })
    const devices: MediaDevicesLike = {
      getUserMedia: () => Promise.reject(new Error('not asked')),
      enumerateDevices: async () => [
        device('audioinput', '', ''),
        device('audiooutput', 'o', 'Speaker'),
        device('audioinput', 'm', 'Headset'),
      ],
    }
    expect(await listMics(devices)).toEqual([{ deviceId: 'm', label: 'Headset' }])
    expect(await listMics(undefined)).toEqual([])
  })
})
