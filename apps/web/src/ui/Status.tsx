import { usePage } from './page.ts'
import { listeningWords, statusWords } from './words.ts'

/** What is happening, in words, for eyes and for screen readers. */
export function Status() {
  const call = usePage((page) => page.call)
  const detector = usePage((page) => page.detector)
  const muted = usePage((page) => page.muted)
  const quiet = call.status === 'live' && call.floor === 'nobody' && call.notice === undefined
  const words = (quiet && listeningWords({ detector, muted })) || statusWords(call)
  return (
    <div className="status" role="status" aria-live="polite" aria-atomic="true">
      <p className="title">{words.title}</p>
      <p className="hint">{words.hint}</p>
    </div>
  )
}
