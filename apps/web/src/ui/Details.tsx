import { usePage } from './page.ts'
import type { Session } from './session.ts'
import { pathWords } from './words.ts'

/** What support asks for. Of the call's id only the start: the whole of it could end the call. */
export function Details({ session }: { session: Session }) {
  const call = usePage((page) => page.call)
  const path = usePage((page) => page.path)
  const detector = usePage((page) => page.detector)
  const knowsNetworks = usePage((page) => page.knowsNetworks)
  const id = call.status === 'live' || call.status === 'failed' ? call.call : undefined
  const rows: [string, string][] = []
  if (call.status === 'failed') {
    rows.push(['Code', call.failure.code], ['Cause', call.failure.detail])
  }
  if (id !== undefined) rows.push(['Call', shortId(id)])
  if (path) {
    rows.push(['Path', pathWords(path)], ['Lost packets', `${Math.round(path.loss * 100)} %`])
  }
  if (call.status === 'live') rows.push(['Voice detector', detector])
  if (rows.length === 0 && !knowsNetworks) return null
  return (
    <details className="details">
      <summary>Details</summary>
      <dl>
        {rows.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
        {knowsNetworks && (
          <div>
            <dt>Networks</dt>
            <dd>
              <button className="link" type="button" onClick={session.forgetNetworks}>
                Forget networks
              </button>
            </dd>
          </div>
        )}
      </dl>
    </details>
  )
}

/** The region and the first eight characters of what follows it. */
function shortId(id: string): string {
  return id.slice(0, id.indexOf('-') + 9)
}
