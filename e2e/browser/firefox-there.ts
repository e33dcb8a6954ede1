/**
 * Runs Firefox on another machine's network and brings its WebDriver socket here: Firefox listens on
 * the loopback of the place it runs in. `firefox-there.ts <words before the program> -- <arguments>`.
 */
import { spawn } from 'node:child_process'
import { createServer } from 'node:net'
import { createInterface } from 'node:readline'

const words = process.argv.slice(2)
const split = words.indexOf('--')
const [command = '', ...enter] = words.slice(0, split)

const firefox = spawn(command, [...enter, '/usr/bin/firefox-esr', ...words.slice(split + 1)], {
  stdio: ['ignore', 'inherit', 'pipe'],
})
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
  process.on(signal, () => firefox.kill(signal))
}
firefox.on('exit', (code) => process.exit(code ?? 1))

createInterface({ input: firefox.stderr }).on('line', (line) => {
  const port = /listening on ws:\/\/127\.0\.0\.1:(\d+)/.exec(line)?.[1]
  // Whoever reads the line connects at once: the bridge goes first.
  if (port === undefined) console.error(line)
  else bridge(port, () => console.error(line))
})

/** Carries each connection to this port over to the same port there. */
function bridge(port: string, onReady: () => void): void {
  const server = createServer((socket) => {
    const there = spawn(command, [...enter, 'socat', '-', `TCP:127.0.0.1:${port}`], {
      stdio: ['pipe', 'pipe', 'ignore'],
    })
    socket.pipe(there.stdin)
    there.stdout.pipe(socket)
    there.stdin.on('error', () => socket.destroy())
    socket.on('error', () => there.kill())
    socket.on('close', () => there.kill())
  })
  server.listen(Number(port), '127.0.0.1', onReady)
}
