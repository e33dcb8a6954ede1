/** Plain sockets in a host of the lab: for measuring a network from inside, and for probing it. */
import type { ChildProcess } from 'node:child_process'
import * as v from 'valibot'
import type { Host } from './description.ts'
import type { Lab } from './lab.ts'
import { answer, type Answer, type Order } from './socket-messages.ts'

export interface Endpoint {
  readonly address: string
  readonly port: number
}

export interface Datagram {
  readonly from: Endpoint
  readonly text: string
}

type Unnumbered<T> = T extends unknown ? Omit<T, 'id'> : never
type Outcome = (outcome: string) => void

export class Sockets {
  readonly #child: ChildProcess
  readonly #outcomes = new Map<number, Outcome>()
  readonly #inboxes = new Map<number, Datagram[]>()
  readonly #waiting = new Map<number, (datagram: Datagram) => void>()
  #orders = 0

  constructor(lab: Lab, host: Host) {
    const argv = [process.execPath, `${import.meta.dirname}/socket-process.ts`]
    this.#child = lab.spawn(host, argv, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
    this.#child.on('message', (data) => this.#hear(v.parse(answer, data)))
    this.#child.on('error', () => this.close())
    this.#child.on('exit', () => {
      for (const settle of this.#outcomes.values()) settle('The process in the host has ended')
      this.#outcomes.clear()
    })
  }

  /** Binds a UDP port. Rejects when it cannot. */
  async bind(port: number, address = '0.0.0.0'): Promise<void> {
    await this.#must({ do: 'bind', port, address })
    this.#inboxes.set(port, [])
  }

  /** Sends a datagram from a bound port. Rejects when the host itself cannot send it. */
  async send(from: number, to: Endpoint, text: string): Promise<void> {
    await this.#must({ do: 'send', from, ...to, text })
  }

  /** The next datagram to a bound port: one that waits already, or the first within `timeoutMs`. */
  next(port: number, timeoutMs: number): Promise<Datagram | undefined> {
    const waiting = this.#inboxes.get(port)?.shift()
    if (waiting !== undefined) return Promise.resolve(waiting)
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.#waiting.delete(port)
        resolve(undefined)
      }, timeoutMs)
      this.#waiting.set(port, (datagram) => {
        clearTimeout(timer)
        resolve(datagram)
      })
    })
  }

  /** Accepts TCP connections, and sends back what comes. Rejects when the port is taken. */
  async listen(port: number): Promise<void> {
    await this.#must({ do: 'listen', port })
  }

  /** Opens a TCP connection and closes it: `ok`, `no answer`, or the error of the host. */
  connect(to: Endpoint, timeoutMs: number): Promise<string> {
    return this.#order({ do: 'connect', ...to, timeoutMs })
  }

  /** An HTTP GET: the status, `no answer`, or the error of the host. */
  get(url: string, timeoutMs: number): Promise<string> {
    return this.#order({ do: 'get', url, timeoutMs })
  }

  close(): void {
    this.#child.kill('SIGKILL')
  }

  async #must(order: Unnumbered<Order>): Promise<void> {
    const outcome = await this.#order(order)
    if (outcome !== 'ok') throw new Error(`${order.do} failed: ${outcome}`)
  }

  #order(order: Unnumbered<Order>): Promise<string> {
    this.#orders += 1
    const id = this.#orders
    return new Promise((resolve) => {
      if (this.#child.exitCode !== null || this.#child.signalCode !== null) {
        resolve('The process in the host has ended')
        return
      }
      this.#outcomes.set(id, resolve)
      this.#child.send({ ...order, id })
    })
  }

  #hear(said: Answer): void {
    if ('id' in said) {
      this.#outcomes.get(said.id)?.(said.outcome)
      this.#outcomes.delete(said.id)
      return
    }
    const wanted = this.#waiting.get(said.at)
    this.#waiting.delete(said.at)
    if (wanted === undefined) this.#inboxes.get(said.at)?.push(said)
    else wanted(said)
  }
}
