import { Details } from './Details.tsx'
import { MicControls } from './MicControls.tsx'
import { HoldToTalk } from './HoldToTalk.tsx'
import { usePage } from './page.ts'
import { PathChip } from './PathChip.tsx'
import type { Session } from './session.ts'
import { Status } from './Status.tsx'
import { TalkButton } from './TalkButton.tsx'

export function App({ session }: { session: Session }) {
  const status = usePage((page) => page.call.status)
  const step = usePage(({ call }) => (call.status === 'connecting' ? call.step : undefined))
  const floor = usePage((page) => (page.call.status === 'live' ? page.call.floor : undefined))
  const detector = usePage((page) => page.detector)
  const path = usePage((page) => page.path && `${page.path.via}/${page.path.transport}`)
  return (
    <main
      className="page"
      data-state={status}
      data-step={step}
      data-floor={floor}
      data-detector={detector}
      data-path={path}
    >
      <header className="top">
        <h1 className="brand">
          <Mark />
          Earshot
        </h1>
        <PathChip />
      </header>
      <section className="stage" aria-label="Call">
        <TalkButton session={session} />
        <Status />
        <SoundBlocked session={session} />
        <HoldToTalk session={session} />
      </section>
      <footer className="bottom">
        <MicControls session={session} />
        <Details session={session} />
      </footer>
    </main>
  )
}

function SoundBlocked({ session }: { session: Session }) {
  const blocked = usePage((page) => page.soundBlocked)
  if (!blocked) return null
  return (
    <button className="pill strong" type="button" onClick={session.unblockSound}>
      Tap to hear
    </button>
  )
}

function Mark() {
  return (
    <svg className="mark" viewBox="0 0 24 24" aria-hidden="true">
      <path d="M4 10v4M9.300 6v12M14.700 8.500v7M20 10.500v3" />
    </svg>
  )
}
