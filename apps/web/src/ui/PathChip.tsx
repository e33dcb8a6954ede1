import { usePage } from './page.ts'
import { pathWords } from './words.ts'

/** The path the call took. Not announced: its last number changes every second. */
export function PathChip() {
  const path = usePage((page) => page.path)
  if (!path) return null
  return (
    <p className="chip" aria-label="Path of the call" role="note">
      <span className="dot" data-quality={quality(path.rttMs)} aria-hidden="true" />
      {pathWords(path)}
    </p>
  )
}

function quality(rttMs: number | undefined): 'good' | 'fair' | 'poor' {
  if (rttMs === undefined || rttMs < 150) return 'good'
  return rttMs < 350 ? 'fair' : 'poor'
}
