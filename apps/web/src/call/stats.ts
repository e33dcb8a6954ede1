import * as v from 'valibot'

export interface CallPath {
  via: 'relay' | 'direct'
  /** How the browser reaches the relay, or the node when there is none between. */
  transport: 'udp' | 'tcp' | 'tls'
  /** Round trip to the node in ms, the relay included; `undefined` until measured. */
  rttMs: number | undefined
  /** Share of the reply's packets that were lost so far, 0-1. */
  loss: number
}

const pairSchema = v.object({
  type: v.literal('candidate-pair'),
  state: v.string(),
  nominated: v.optional(v.boolean()),
  /** Firefox alone says it. */
  selected: v.optional(v.boolean()),
  localCandidateId: v.string(),
  currentRoundTripTime: v.optional(v.number()),
})
const candidateSchema = v.object({
  type: v.literal('local-candidate'),
  candidateType: v.string(),
  protocol: v.optional(v.string()),
  relayProtocol: v.optional(v.string()),
  url: v.optional(v.string()),
})
const transportSchema = v.object({
  type: v.literal('transport'),
  selectedCandidatePairId: v.optional(v.string()),
})
const inboundSchema = v.object({
  type: v.literal('inbound-rtp'),
  packetsReceived: v.optional(v.number()),
  packetsLost: v.optional(v.number()),
})

/** A report of `getStats()`, as far as it is read here. */
export interface StatsReport {
  get(id: string): unknown
  forEach(each: (entry: unknown) => void): void
}

/** The path in use, or `undefined` while no pair is selected. Pure. */
export function callPath(report: StatsReport): CallPath | undefined {
  const pair = selectedPair(report)
  if (!pair) return undefined
  const local = parse(candidateSchema, report.get(pair.localCandidateId))
  if (!local) return undefined
  const via = local.candidateType === 'relay' ? 'relay' : 'direct'
  const rtt = pair.currentRoundTripTime
  return {
    via,
    transport: via === 'relay' ? relayTransport(local) : named(local.protocol),
    rttMs: rtt === undefined ? undefined : Math.round(rtt * 1000),
    loss: inboundLoss(report),
  }
}

/** How many packets of the reply have come so far. Pure. */
export function receivedPackets(report: StatsReport): number {
  return all(inboundSchema, report).reduce((sum, one) => sum + (one.packetsReceived ?? 0), 0)
}

/** Whether two readings would be shown alike. */
export function samePath(one: CallPath, other: CallPath | undefined): boolean {
  return (
    other !== undefined &&
    one.via === other.via &&
    one.transport === other.transport &&
    one.rttMs === other.rttMs &&
    Math.round(one.loss * 100) === Math.round(other.loss * 100)
  )
}

type Pair = v.InferOutput<typeof pairSchema>
type Candidate = v.InferOutput<typeof candidateSchema>

function selectedPair(report: StatsReport): Pair | undefined {
  const transport = all(transportSchema, report).find((one) => one.selectedCandidatePairId)
  if (transport?.selectedCandidatePairId) {
    return parse(pairSchema, report.get(transport.selectedCandidatePairId))
  }
  const pairs = all(pairSchema, report).filter(({ state }) => state === 'succeeded')
  return pairs.find(({ selected }) => selected) ?? pairs.find(({ nominated }) => nominated)
}

/** `relayProtocol` where the browser says it, else what the TURN URL asked for. */
function relayTransport({ relayProtocol, url }: Candidate): CallPath['transport'] {
  if (relayProtocol !== undefined) return named(relayProtocol)
  if (url?.startsWith('turns:')) return 'tls'
  return url?.includes('transport=tcp') ? 'tcp' : 'udp'
}

function named(protocol: string | undefined): CallPath['transport'] {
  return protocol === 'tcp' || protocol === 'tls' ? protocol : 'udp'
}

function inboundLoss(report: StatsReport): number {
  let lost = 0
  let received = 0
  for (const stream of all(inboundSchema, report)) {
    lost += Math.max(0, stream.packetsLost ?? 0)
    received += stream.packetsReceived ?? 0
  }
  return lost + received === 0 ? 0 : lost / (lost + received)
}

function all<S extends v.GenericSchema>(schema: S, report: StatsReport): v.InferOutput<S>[] {
  const found: v.InferOutput<S>[] = []
  // oxlint-disable-next-line unicorn/no-array-for-each -- a stats report is a read-only map
  report.forEach((entry) => {
    const parsed = parse(schema, entry)
    if (parsed) found.push(parsed)
  })
  return found
}

function parse<S extends v.GenericSchema>(schema: S, entry: unknown): v.InferOutput<S> | undefined {
  const result = v.safeParse(schema, entry)
  return result.success ? result.output : undefined
}
