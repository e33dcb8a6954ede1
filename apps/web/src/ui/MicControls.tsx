import { usePage } from './page.ts'
import type { Session } from './session.ts'
import { FAILURES } from './words.ts'

/** Which microphone, and whether it is on. Both work during a call. */
export function MicControls({ session }: { session: Session }) {
  const mics = usePage((page) => page.mics)
  const micId = usePage((page) => page.micId)
  const problem = usePage((page) => page.micProblem)
  const muted = usePage((page) => page.muted)
  const open = usePage(({ call }) => call.status === 'live' || call.status === 'reconnecting')
  // Browsers hide the names until a microphone was allowed once: there is nothing to choose yet.
  if (mics.length === 0 && !open) return null
  const known = mics.some(({ deviceId }) => deviceId === micId)
  const named = mics.filter(({ deviceId }) => deviceId !== 'default')
  return (
    <div className="controls">
      {open && (
        <button
          className="pill"
          type="button"
          data-muted={muted}
          onClick={() => session.setMuted(!muted)}
        >
          <MuteIcon muted={muted} />
          {muted ? 'Unmute' : 'Mute'}
        </button>
      )}
      {named.length > 0 && (
        <label className="pill select">
          <span className="unseen">Microphone</span>
          <select
            value={known ? micId : ''}
            onChange={({ target }) => session.chooseMic(target.value || undefined)}
          >
            <option value="">Default microphone</option>
            {named.map(({ deviceId, label }) => (
              <option key={deviceId} value={deviceId}>
                {label}
              </option>
            ))}
          </select>
          <svg viewBox="0 0 24 24" aria-hidden="true">
            <path d="M7 10l5 5 5-5" />
          </svg>
        </label>
      )}
      {problem && (
        <p className="problem" role="alert">
          {FAILURES[problem].title}. {FAILURES[problem].what}
        </p>
      )}
    </div>
  )
}

function MuteIcon({ muted }: { muted: boolean }) {
  return (
    <svg viewBox="0 0 24 24" aria-hidden="true">
      <rect x="9" y="3" width="6" height="11" rx="3" />
      <path d="M5.500 11.500a6.500 6.500 0 0 0 13 0M12 18v3" />
      {muted && <path d="M4 4l16 16" />}
    </svg>
  )
}
