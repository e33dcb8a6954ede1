/**
 * Ends what a run has started when the run itself is gone without having done so (SIGKILL, a crash).
 * A shell of its own group holds the other end of a pipe: the pipe closes when we die, however.
 */
import { spawn } from 'node:child_process'
import type { Writable } from 'node:stream'

// "kill -s", not "kill -TERM": dash takes no "--" after that.
const SCRIPT = `
groups=' '
directories=''
while read -r verb what; do
  case $verb in
    watch) groups="$groups$what " ;;
    forget) groups=$(printf '%s' "$groups" | sed "s/ $what / /") ;;
    directory) directories="$directories $what" ;;
  esac
done
for group in $groups; do kill -s TERM -- "-$group" 2>/dev/null; done
[ "$groups" = ' ' ] || sleep 2
for group in $groups; do kill -s KILL -- "-$group" 2>/dev/null; done
for directory in $directories; do rm -rf -- "$directory"; done
`

let pipe: Writable | undefined

/** Process groups and private directories that must not outlive this process. */
export const reaper = {
  watchGroup: (group: number): void => tell(`watch ${group}`),
  forgetGroup: (group: number): void => tell(`forget ${group}`),
  /** A path without spaces, made by `mkdtemp`. */
  watchDirectory: (path: string): void => tell(`directory ${path}`),
}

function tell(line: string): void {
  pipe ??= start()
  pipe.write(`${line}\n`)
}

function start(): Writable {
  const child = spawn('/bin/sh', ['-c', SCRIPT], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  child.unref()
  child.on('error', () => {})
  child.stdin.on('error', () => {})
  // A pipe is a socket in Node, and must not keep us alive.
  if ('unref' in child.stdin && typeof child.stdin.unref === 'function') child.stdin.unref()
  return child.stdin
}
