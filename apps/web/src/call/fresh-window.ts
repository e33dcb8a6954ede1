/**
 * A window in which a connection is made that must know the machine's addresses as they are now. Chromium
 * lists them when a window's first connection asks, and tells that window of a change only after a time that
 * is fixed in its source (2 s on Linux, 1.5 on Windows, 1 on Android, 0.5 on macOS): until then new
 * connections gather on the network that is gone. A window that is made now has the list of now.
 */

export interface FreshWindow {
  readonly RTCPeerConnection: typeof RTCPeerConnection
  /** Takes the window away; what was made in it is closed. */
  close(): void
}

/** An empty frame of the page's own origin, or this window itself in browsers that are not so late. */
export function openFreshWindow(): FreshWindow {
  const here = { RTCPeerConnection: globalThis.RTCPeerConnection, close: () => {} }
  // Only Chromium's have it.
  if (!('userAgentData' in navigator)) return here
  const frame = document.createElement('iframe')
  frame.hidden = true
  frame.title = 'Connection'
  document.body.append(frame)
  const there = frame.contentWindow as (Window & typeof globalThis) | null
  if (!there?.RTCPeerConnection) {
    frame.remove()
    return here
  }
  return { RTCPeerConnection: there.RTCPeerConnection, close: () => frame.remove() }
}
