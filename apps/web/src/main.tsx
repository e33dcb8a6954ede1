import { createRoot } from 'react-dom/client'
import { App } from './ui/App.tsx'
import { createSession } from './ui/session.ts'
import './ui/theme.css'
import './ui/styles.css'

const root = document.querySelector('#root')
if (!root) throw new Error('index.html has no #root')

const session = createSession(new Audio())
createRoot(root).render(<App session={session} />)

// The voice detector is megabytes: it waits until the page is on screen and the browser idle.
if ('requestIdleCallback' in globalThis) requestIdleCallback(session.warmUp, { timeout: 3_000 })
else setTimeout(session.warmUp, 300)
