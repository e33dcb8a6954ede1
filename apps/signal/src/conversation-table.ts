/**
 * The conversations that a fleet keeps, one row each: who may go on with it, where it is, and what
 * its handler kept. In SQLite and synchronous, as the seats are (`seat-table.ts`).
 *
 * Tokens are here as hashes alone. Times are Unix ms.
 */
import { RESUME_MS, type Kept } from '@earshot/protocol'

/** The most conversations without a living call that are kept: 160 MB if each has all it may. */
const MAX_WAITING = 10_000

/** A type and no interface: SQLite's rows have an index signature. */
export type Conversation = {
  /** The id of its first call. */
  readonly conversation: string
  /** Its newest call, */
  readonly call: string
  /** and the node that has it. */
  readonly node: string
  /** Hash of the token that leads on from `call`. */
  readonly token: string
  /** Hash of the token that led to `call`; null once `call` is connected, and the token spent. */
  readonly previous: string | null
  /** The call before `call`: until that is connected, all that its caller may know of. */
  readonly former: string | null
  /** How often its caller has asked to come back to it, as far as is known. */
  readonly attempt: number
  /** The number of its last turn. */
  readonly turn: number
  /** What its handler kept, JSON text. */
  readonly state: string | null
  /** When it is forgotten; null while `call` lives. */
  readonly expires: number | null
}

export class ConversationTable {
  readonly #sql: SqlStorage
  readonly #maxWaiting: number

  constructor(sql: SqlStorage, maxWaiting: number = MAX_WAITING) {
    this.#sql = sql
    this.#maxWaiting = maxWaiting
    sql.exec(
      `CREATE TABLE IF NOT EXISTS conversations (
        conversation TEXT PRIMARY KEY, call TEXT NOT NULL, node TEXT NOT NULL, token TEXT NOT NULL,
        previous TEXT, former TEXT, attempt INTEGER NOT NULL, turn INTEGER NOT NULL, state TEXT,
        expires INTEGER)`,
    )
    for (const column of ['call', 'node', 'token', 'previous', 'former', 'expires']) {
      sql.exec(`CREATE INDEX IF NOT EXISTS conversations_by_${column} ON conversations (${column})`)
    }
  }

  // --- who asks ---

  /** The conversation that a token with this hash leads on from; none when it is spent or too old. */
  byToken(hash: string, now: number): Conversation | undefined {
    this.removeExpired(now)
    return this.#one('token = ?1 OR previous = ?1', hash)
  }

  /** The conversation whose newest call this is, as far as its caller knows. */
  byCall(call: string, now: number): Conversation | undefined {
    this.removeExpired(now)
    return this.#one('call = ?1 OR (former = ?1 AND previous IS NOT NULL)', call)
  }

  byId(conversation: string): Conversation | undefined {
    return this.#one('conversation = ?1', conversation)
  }

  /** True when the conversation of `call` has gone on without it, or on another node than `node`. */
  isElsewhere(call: string, node: string): boolean {
    return this.#one('former = ?1 OR (call = ?1 AND node <> ?2)', call, node) !== undefined
  }

  // --- its call ---

  /** Has the conversation be as `row` says, except that it expires unless its call is answered. */
  offered(row: Omit<Conversation, 'expires'>, now: number): void {
    const { conversation, call, node, token, previous, former, attempt, turn, state } = row
    this.#sql.exec(
      'INSERT OR REPLACE INTO conversations VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)',
      conversation,
      call,
      node,
      token,
      previous,
      former,
      attempt,
      turn,
      state,
      now + RESUME_MS,
    )
    this.#bound()
  }

  answered(call: string): void {
    this.#sql.exec('UPDATE conversations SET expires = NULL WHERE call = ?', call)
  }

  /**
   * Nobody has taken `call`: its conversation is again as it was before, `row`, but for a call that
   * lived. Nothing when there has been a newer call, or the conversation is over.
   */
  restore(row: Conversation, call: string, now: number): void {
    this.#sql.exec(
      `UPDATE conversations SET call = ?, node = ?, token = ?, previous = ?, former = ?, expires = ?
       WHERE conversation = ? AND call = ?`,
      row.call,
      row.node,
      row.token,
      row.previous,
      row.former,
      row.expires ?? now + RESUME_MS,
      row.conversation,
      call,
    )
  }

  /** The token that led to `call` is spent. */
  connected(call: string, node: string): void {
    this.#sql.exec(
      `UPDATE conversations SET previous = NULL
       WHERE call = ? AND node = ? AND previous IS NOT NULL`,
      call,
      node,
    )
  }

  /** In place of what was kept before; nothing when `call` on `node` is not the newest. */
  keep(call: string, node: string, { turn, state }: Kept): void {
    this.#sql.exec(
      'UPDATE conversations SET turn = ?, state = ? WHERE call = ? AND node = ?',
      turn,
      state ?? null,
      call,
      node,
    )
  }

  /** `call` is gone, and there is a way back for a while. */
  ended(call: string, node: string, now: number): void {
    this.#sql.exec(
      'UPDATE conversations SET expires = ? WHERE call = ? AND node = ?',
      now + RESUME_MS,
      call,
      node,
    )
    this.#bound()
  }

  /** `call` is gone, and its conversation is over. With `node`: if that is where it is. */
  over(call: string, node?: string): void {
    this.#sql.exec(
      'DELETE FROM conversations WHERE call = ?1 AND node = coalesce(?2, node)',
      call,
      node ?? null,
    )
  }

  // --- its node ---

  /** The calls of `node` are gone, as far as anyone knows. */
  nodeGone(node: string, now: number): void {
    this.#sql.exec(
      'UPDATE conversations SET expires = ? WHERE node = ? AND expires IS NULL',
      now + RESUME_MS,
      node,
    )
    this.#bound()
  }

  /** Every node that is not in `nodes` is gone. */
  onlyNodes(nodes: ReadonlySet<string>, now: number): void {
    const rows = this.#sql.exec<{ node: string }>(
      'SELECT DISTINCT node FROM conversations WHERE expires IS NULL',
    )
    for (const { node } of rows.toArray()) if (!nodes.has(node)) this.nodeGone(node, now)
  }

  /** `node` is back and has `call` still. */
  nodeBack(call: string, node: string): void {
    this.#sql.exec(
      'UPDATE conversations SET expires = NULL WHERE call = ? AND node = ?',
      call,
      node,
    )
  }

  // --- an end to it ---

  removeExpired(now: number): void {
    this.#sql.exec('DELETE FROM conversations WHERE expires <= ?', now)
  }

  /** When the first of them expires. */
  nextExpiry(): number | undefined {
    const [row] = this.#sql
      .exec<{ expires: number }>(
        'SELECT expires FROM conversations WHERE expires IS NOT NULL ORDER BY expires LIMIT 1',
      )
      .toArray()
    return row?.expires
  }

  /** Of those that wait for their callers, the oldest go first. */
  #bound(): void {
    this.#sql.exec(
      `DELETE FROM conversations WHERE conversation IN (
        SELECT conversation FROM conversations WHERE expires IS NOT NULL
        ORDER BY expires DESC, rowid DESC LIMIT -1 OFFSET ?)`,
      this.#maxWaiting,
    )
  }

  #one(where: string, ...values: string[]): Conversation | undefined {
    const [row] = this.#sql
      .exec<Conversation>(`SELECT * FROM conversations WHERE ${where} LIMIT 1`, ...values)
      .toArray()
    return row
  }
}
