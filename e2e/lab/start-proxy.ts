/** The proxy of the caller's site, for networks whose only way out it is. */
import { startPart, whenReady } from '../../scripts/stack/process.ts'
import type { LabStack } from './lab-stack.ts'
import { PROXY } from './net/addresses.ts'

const PORT = 3128

export interface SiteProxy {
  /** As a browser of the caller is told of it. */
  readonly url: string
  stop(): Promise<void>
}

/** Resolves once it listens, on an address of the family that the caller has. */
export async function startProxy(stack: LabStack): Promise<SiteProxy> {
  const { enter } = await stack.site('proxy')
  const isV6 = stack.lab.network.caller?.addressing === 'v6-only'
  const address = isV6 ? PROXY.v6 : PROXY.v4
  const args = [`${import.meta.dirname}/proxy.ts`, address, String(PORT)]
  const part = await startPart({ name: 'proxy', command: process.execPath, args, enter })
  const listens = async (): Promise<boolean> => part.lastLines().includes('listening')
  await whenReady(part, listens, 5_000)
  return { url: `http://${isV6 ? `[${address}]` : address}:${PORT}`, stop: () => part.stop() }
}
