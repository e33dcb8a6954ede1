/** The node's metrics, in Prometheus form. The only file that knows the metrics library. */
import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client'
import type { ReceiverStats } from './receiver.ts'

const FATES = [
  'received',
  'late',
  'asked',
  'regained',
  'recovered',
  'concealed',
  'corrupt',
  'flooded',
] as const

export type Metrics = ReturnType<typeof createMetrics>

/** `calls` is asked at each scrape for the number of seats taken. */
export function createMetrics(seats: number, calls: () => number) {
  const registry = new Registry()
  const registers = [registry]
  collectDefaultMetrics({ register: registry, prefix: 'earshot_' })
  const gauge = (name: string, help: string, value: () => number) =>
    new Gauge({
      name: `earshot_${name}`,
      help,
      registers,
      collect() {
        this.set(value())
      },
    })
  gauge('seats', 'Calls this node takes at once', () => seats)
  gauge('calls', 'Calls in progress', calls)
  const counter = <L extends string>(name: string, help: string, labelNames: L[] = []) =>
    new Counter({ name: `earshot_${name}`, help, labelNames, registers })
  const histogram = (name: string, help: string, buckets: number[]) =>
    new Histogram({ name: `earshot_${name}`, help, buckets, registers })

  const packets = counter('packets_total', 'Audio packets by what became of them', ['fate'])
  return {
    /** Text in Prometheus' exposition format, and its content type. */
    text: () => registry.metrics(),
    contentType: registry.contentType,
    offers: counter('offers_total', 'Offers by outcome', ['outcome']),
    rejoins: counter('rejoins_total', 'Calls joined again by where their conversation was', [
      'outcome',
    ]),
    ends: counter('calls_ended_total', 'Calls ended by reason', ['reason']),
    turns: counter('turns_total', 'Turns handed to the handler'),
    replies: counter('replies_total', 'Replies by how they ended', ['reason']),
    answerSeconds: histogram(
      'answer_seconds',
      'From offer to answer',
      [0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1],
    ),
    connectSeconds: histogram(
      'connect_seconds',
      'From answer to connected',
      [0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10],
    ),
    lateness: histogram(
      'frame_lateness_seconds',
      'How late each 20 ms frame was sent',
      [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5],
    ),
    /** Adds a finished call's packets. */
    packets(stats: ReceiverStats): void {
      for (const fate of FATES) {
        packets.inc({ fate }, stats[fate])
      }
    },
  }
}
