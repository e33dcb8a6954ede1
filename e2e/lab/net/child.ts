/** A Node program of the lab inside a namespace, which answers orders with single words. */
import { spawn, type ChildProcess } from 'node:child_process'

const TIMEOUT_MS = 10_000

export class Child {
  readonly #name: string
  readonly #child: ChildProcess
  #lastWords = ''

  /** `file`: a program beside this one. It says `open` when it is ready. */
  static async start(namespace: string, file: string): Promise<Child> {
    const child = new Child(namespace, file)
    await child.#heard('open')
    return child
  }

  private constructor(namespace: string, file: string) {
    this.#name = file
    const argv = ['netns', 'exec', namespace, process.execPath, `${import.meta.dirname}/${file}`]
    this.#child = spawn('ip', argv, { stdio: ['ignore', 'ignore', 'pipe', 'ipc'] })
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#lastWords = `${this.#lastWords}${text}`.slice(-2000)
    })
    this.#child.on('error', (error) => (this.#lastWords = error.message))
  }

  /** Resolves once it has said the word; rejects with its last words when it ends before. */
  async order(what: object, word: string): Promise<void> {
    const answer = this.#heard(word)
    this.#child.send(what, () => {})
    await answer
  }

  stop(): void {
    this.#child.kill('SIGKILL')
  }

  #heard(word: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const child = this.#child
      const settle = (error?: Error): void => {
        clearTimeout(timer)
        child.off('message', onMessage)
        child.off('exit', onExit)
        if (error === undefined) resolve()
        else reject(error)
      }
      const onMessage = (data: unknown): void => {
        if (data === word) settle()
      }
      const onExit = (): void => settle(new Error(`${this.#name} ended: ${this.#lastWords}`))
      const timer = setTimeout(() => {
        settle(new Error(`${this.#name} never said '${word}': ${this.#lastWords}`))
      }, TIMEOUT_MS)
      child.on('message', onMessage)
      child.on('exit', onExit)
      if (child.exitCode !== null || child.signalCode !== null) onExit()
    })
  }
}
