/**
 * The seats taken in one fleet, one row a call. In SQLite, so that hibernation and restarts of the
 * fleet lose none; every method is synchronous, so that no other request runs inside one.
 */
export class SeatTable {
  readonly #sql: SqlStorage

  constructor(sql: SqlStorage) {
    this.#sql = sql
    sql.exec(
      'CREATE TABLE IF NOT EXISTS seats (call TEXT PRIMARY KEY, node TEXT NOT NULL, since INTEGER NOT NULL)',
    )
    sql.exec('CREATE INDEX IF NOT EXISTS seats_by_node ON seats (node)')
  }

  /** `since` in Unix ms. */
  take(call: string, node: string, since: number): void {
    this.#sql.exec('INSERT OR REPLACE INTO seats VALUES (?, ?, ?)', call, node, since)
  }

  /** Frees the seat of `call` on `node`, and no seat that it may have on another node by now. */
  release(call: string, node: string): void {
    this.#sql.exec('DELETE FROM seats WHERE call = ? AND node = ?', call, node)
  }

  releaseNode(node: string): void {
    this.#sql.exec('DELETE FROM seats WHERE node = ?', node)
  }

  /** Makes `calls` all that `node` has. */
  replaceNode(node: string, calls: readonly string[], since: number): void {
    this.releaseNode(node)
    for (const call of calls) this.take(call, node, since)
  }

  /** Frees the seats of every node that is not in `nodes`. */
  keepNodes(nodes: ReadonlySet<string>): void {
    for (const node of this.used().keys()) if (!nodes.has(node)) this.releaseNode(node)
  }

  /** The node that has `call`. */
  nodeOf(call: string): string | undefined {
    const [row] = this.#sql
      .exec<{ node: string }>('SELECT node FROM seats WHERE call = ?', call)
      .toArray()
    return row?.node
  }

  /** How many seats are taken, by node. */
  used(): ReadonlyMap<string, number> {
    const rows = this.#sql.exec<{ node: string; taken: number }>(
      'SELECT node, COUNT(*) AS taken FROM seats GROUP BY node',
    )
    return new Map([...rows].map(({ node, taken }) => [node, taken]))
  }
}
