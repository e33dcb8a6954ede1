import { useEffect, useRef } from 'react'
import type { CallState } from '../call/state.ts'
import { drawMeter } from './meter.ts'
import { usePage } from './page.ts'
import type { Session } from './session.ts'
import { actionWords, FAILURES } from './words.ts'

/** The one large button, and the meter around it. */
export function TalkButton({ session }: { session: Session }) {
  const call = usePage((page) => page.call)
  const canvas = useRef<HTMLCanvasElement>(null)
  useEffect(() => {
    if (!canvas.current) return undefined
    return drawMeter(canvas.current, session.readLevels)
  }, [session])
  const name = actionWords(call)
  const ending = isUnderWay(call)
  return (
    <div className="dial">
      <canvas ref={canvas} className="meter" aria-hidden="true" />
      <button
        className="talk"
        type="button"
        data-action={ending ? 'end' : 'start'}
        onClick={() => act(call, session)}
      >
        {ending ? <HangUpIcon /> : call.status === 'failed' ? <AgainIcon /> : <MicIcon />}
        <span>{name}</span>
      </button>
    </div>
  )
}

function act(call: CallState, session: Session): void {
  if (isUnderWay(call)) {
    session.hangUp()
    return
  }
  const way = call.status === 'failed' ? FAILURES[call.failure.code].way : 'retry'
  switch (way) {
    case 'retry':
      session.start()
      return
    case 'reload':
      location.reload()
      return
    case 'secure':
      location.protocol = 'https:'
      return
    default:
      way satisfies never
  }
}

function isUnderWay({ status }: CallState): boolean {
  return status === 'connecting' || status === 'live' || status === 'reconnecting'
}

function MicIcon() {
  return (
    <svg viewBox="0 0 24 24" aria-hidden="true">
      <rect x="9" y="3" width="6" height="11" rx="3" />
      <path d="M5.500 11.500a6.500 6.500 0 0 0 13 0M12 18v3" />
    </svg>
  )
}

function HangUpIcon() {
  return (
    <svg viewBox="0 0 24 24" aria-hidden="true">
      <path d="M6.500 6.500l11 11M17.500 6.500l-11 11" />
    </svg>
  )
}

function AgainIcon() {
  return (
    <svg viewBox="0 0 24 24" aria-hidden="true">
      <path d="M19 12a7 7 0 1 1-2.05-4.950L19.500 9.500M19.500 4.500v5h-5" />
    </svg>
  )
}
