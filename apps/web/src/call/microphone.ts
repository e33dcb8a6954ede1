import { CallFailure, describe } from './failure.ts'

/** The part of `navigator.mediaDevices` that is used here. */
export type MediaDevicesLike = Pick<MediaDevices, 'getUserMedia' | 'enumerateDevices'>

export interface MicChoice {
  deviceId: string
  label: string
}

/**
 * Opens the microphone, the wanted one where it is still there.
 *
 * `devices` is `undefined` where the page is not a secure context. Rejects with a `CallFailure`.
 */
export async function openMic(
  devices: MediaDevicesLike | undefined,
  deviceId: string | undefined,
): Promise<MediaStream> {
  if (!devices) {
    throw new CallFailure('insecure-page', 'navigator.mediaDevices is not defined')
  }
  try {
    return await devices.getUserMedia({ audio: constraints(deviceId) })
  } catch (error) {
    // The device was unplugged or its id was renewed: any microphone is better than none.
    const gone = nameOf(error) === 'OverconstrainedError' || nameOf(error) === 'NotFoundError'
    if (deviceId === undefined || !gone) throw micFailure(error)
  }
  try {
    return await devices.getUserMedia({ audio: constraints(undefined) })
  } catch (error) {
    throw micFailure(error)
  }
}

/** The microphones that have a name: browsers hide it until one was allowed. */
export async function listMics(devices: MediaDevicesLike | undefined): Promise<MicChoice[]> {
  const all = (await devices?.enumerateDevices()) ?? []
  return all
    .filter(({ kind, deviceId, label }) => kind === 'audioinput' && deviceId !== '' && label !== '')
    .map(({ deviceId, label }) => ({ deviceId, label }))
}

function constraints(deviceId: string | undefined): MediaTrackConstraints {
  return {
    echoCancellation: true,
    noiseSuppression: true,
    autoGainControl: true,
    channelCount: { ideal: 1 },
    ...(deviceId === undefined ? {} : { deviceId: { exact: deviceId } }),
  }
}

function micFailure(error: unknown): CallFailure {
  const detail = `getUserMedia: ${describe(error)}`
  switch (nameOf(error)) {
    case 'NotAllowedError':
    case 'SecurityError':
      return new CallFailure('mic-refused', detail, { cause: error })
    case 'NotFoundError':
    case 'OverconstrainedError':
      return new CallFailure('mic-missing', detail, { cause: error })
    case 'TypeError':
      return new CallFailure('unsupported-browser', detail, { cause: error })
    default:
      // NotReadableError, AbortError: it is there and allowed, and would not open.
      return new CallFailure('mic-busy', detail, { cause: error })
  }
}

function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : ''
}

/** True when the browser says that the microphone opens without asking; Firefox and Safari may not say. */
export async function micGranted(): Promise<boolean> {
  try {
    const { state } = await navigator.permissions.query({ name: 'microphone' })
    return state === 'granted'
  } catch {
    return false
  }
}
