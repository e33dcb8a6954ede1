/** The microphone that was chosen last, across visits. */
const KEY = 'earshot.mic'

export function recallMic(): string | undefined {
  try {
    return localStorage.getItem(KEY) ?? undefined
  } catch {
    // The browser keeps no data for this site.
    return undefined
  }
}

export function rememberMic(deviceId: string | undefined): void {
  try {
    if (deviceId === undefined) localStorage.removeItem(KEY)
    else localStorage.setItem(KEY, deviceId)
  } catch {
    // As above: the choice holds for this visit.
  }
}
