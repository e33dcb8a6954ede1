import { useEffect, useEffectEvent, useRef, useState } from 'react'
import { usePage } from './page.ts'
import type { Session } from './session.ts'

/** Marks turns by hand where there is no voice detector (yet): pointer, or the space bar. */
export function HoldToTalk({ session }: { session: Session }) {
  const needed = usePage(
    ({ detector, call }) =>
      (detector === 'failed' || detector === 'slow') && call.status === 'live',
  )
  return needed ? <Hold session={session} /> : null
}

function Hold({ session }: { session: Session }) {
  const [held, setHeld] = useState(false)
  const holding = useRef(false)
  const hold = useEffectEvent((down: boolean) => {
    if (holding.current === down) return
    holding.current = down
    setHeld(down)
    if (!down) return session.mark('speech.end')
    session.mark('speech.start')
    // A finger on the button is no cough.
    session.mark('speech.confirm')
  })
  useEffect(() => {
    const listening = new AbortController()
    const { signal } = listening
    const release = () => hold(false)
    addEventListener(
      'keydown',
      (event) => {
        if (event.code !== 'Space' || isOther(event.target)) return
        event.preventDefault()
        hold(true)
      },
      { signal },
    )
    addEventListener(
      'keyup',
      (event) => {
        if (event.code === 'Space') release()
      },
      { signal },
    )
    addEventListener('pointerup', release, { signal })
    addEventListener('pointercancel', release, { signal })
    addEventListener('blur', release, { signal })
    return () => {
      listening.abort()
      release()
    }
  }, [])
  return (
    <button
      className="pill strong hold"
      type="button"
      aria-pressed={held}
      onPointerDown={(event) => {
        if (event.button === 0) hold(true)
      }}
      onContextMenu={(event) => event.preventDefault()}
    >
      Hold to talk
    </button>
  )
}

/** Space has its own meaning on every other control. */
function isOther(target: EventTarget | null): boolean {
  return (
    target instanceof Element && target.closest('button:not(.hold), select, summary, a') !== null
  )
}
