/** Keeps the screen on while `hold()` is in force; the browser drops the lock of a hidden page. */
export function createWakeLock(): { hold(): void; release(): void } {
  let held = false
  let lock: WakeLockSentinel | undefined

  document.addEventListener('visibilitychange', () => {
    if (held && document.visibilityState === 'visible') void take()
  })
  return {
    hold() {
      if (held) return
      held = true
      void take()
    },
    release() {
      held = false
      lock?.release().catch(() => {})
      lock = undefined
    },
  }

  async function take(): Promise<void> {
    // Absent on insecure pages and old browsers; refused on a low battery. The call goes on.
    if (!('wakeLock' in navigator)) return
    try {
      const taken = await navigator.wakeLock.request('screen')
      if (held) lock = taken
      else await taken.release()
    } catch {
      lock = undefined
    }
  }
}
