/** What the built page weighs on the wire: compressed as the edge does it, with Brotli. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { brotliCompressSync, constants } from 'node:zlib'

export interface PageSizes {
  /** Scripts and styles before the page can be used, in bytes. */
  readonly firstLoad: number
  /** Everything that is fetched for voice activity detection, in bytes. */
  readonly vad: number
}

export const LIMITS: PageSizes = { firstLoad: 100_000, vad: 5_000_000 }

/** `client`: the folder of the built page. */
export function pageSizes(client: string): PageSizes {
  const html = readFileSync(join(client, 'index.html'), 'utf8')
  const first = firstLoadFiles(html, (file) => readFileSync(join(client, file), 'utf8'))
  const later = readdirSync(client, { recursive: true, encoding: 'utf8' }).filter(
    (file) => /\.(?:js|mjs|wasm|onnx)$/.test(file) && !first.includes(file),
  )
  const sum = (files: readonly string[]): number =>
    files.reduce((bytes, file) => bytes + compressed(readFileSync(join(client, file))), 0)
  return { firstLoad: sum(first), vad: sum(later) }
}

/** Scripts, preloads and styles of a page, and what those scripts import before they run. */
export function firstLoadFiles(html: string, read: (file: string) => string): string[] {
  const tags = html.match(/<(?:script|link)\b[^>]*>/g) ?? []
  const found = new Set<string>()
  const visit = (file: string): void => {
    if (found.has(file)) return
    found.add(file)
    if (!/\.m?js$/.test(file)) return
    const folder = file.includes('/') ? file.slice(0, file.lastIndexOf('/') + 1) : ''
    for (const [, name = ''] of read(file).matchAll(STATIC_IMPORT)) visit(folder + name)
  }
  for (const tag of tags) {
    if (tag.startsWith('<link') && !/rel="(?:modulepreload|stylesheet)"/.test(tag)) continue
    const [, file] = /(?:src|href)="\/([^"?]+)"/.exec(tag) ?? []
    if (file !== undefined) visit(file)
  }
  return [...found]
}

/** One line a person can read: `first load 71.2 KB of 100 KB`. */
export function sizeLines(sizes: PageSizes): string[] {
  const kb = (bytes: number): string => `${(bytes / 1000).toFixed(1)} KB`
  return [
    `first load ${kb(sizes.firstLoad)} of ${kb(LIMITS.firstLoad)}`,
    `voice activity detection ${kb(sizes.vad)} of ${kb(LIMITS.vad)}`,
  ]
}

/** `import … from "./x.js"` and `import "./x.js"`, not `import("./x.js")`. */
const STATIC_IMPORT = /(?:\bfrom|\bimport)\s*"\.\/([^"]+)"/g

/** At the level that edges use for what they compress on the way. */
function compressed(bytes: Buffer): number {
  const params = { [constants.BROTLI_PARAM_QUALITY]: 4 }
  return brotliCompressSync(bytes, { params }).length
}
