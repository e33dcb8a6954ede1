import { usePage } from './page.ts'
import { listeningHint, statusWords } from './words.ts'

/** What is happening, in words, for eyes and for screen readers. */
export function Status() {
  const call = usePage((page) => page.call)
  const detector = usePage((page) => page.detector)
  const muted = usePage((page) => page.muted)
  const words = statusWords(call)
  const quiet = call.status === 'live' && call.floor === 'nobody' && call.notice === undefined
  const hint = (quiet && listeningHint({ detector, muted })) || words.hint
  return (
    <div className="status" role="status" aria-live="polite" aria-atomic="true">
      <p className="title">{words.title}</p>
      <p className="hint">{hint}</p>
    </div>
  )
}
