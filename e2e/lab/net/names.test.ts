import { existsSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { VM } from './addresses.ts'
import { describeLab } from './describe-lab.ts'
import { answerTo } from './names-packet.ts'

const QUERY_A = query('relay.test', 1)

describe('a name server', () => {
  it('answers with the addresses of the family that is asked for', () => {
    const names = { 'relay.test': ['203.0.113.10', '2001:db8:30::10', '198.51.100.1'] }
    const answer = Buffer.from(answerTo(QUERY_A, names) ?? [])
    expect(answer.readUInt16BE(0)).toBe(0xabcd)
    expect(answer.readUInt16BE(2)).toBe(0x8580)
    expect(answer.readUInt16BE(6)).toBe(2)
    expect([...answer.subarray(-4)]).toEqual([198, 51, 100, 1])
    const six = Buffer.from(answerTo(query('RELAY.test', 28), names) ?? [])
    expect(six.readUInt16BE(6)).toBe(1)
    expect(six.subarray(-16).toString('hex')).toBe('20010db8003000000000000000000010')
  })

  it('tells a name without such an address from one that does not exist', () => {
    const answer = (names: Record<string, string[]>): Buffer =>
      Buffer.from(answerTo(QUERY_A, names) ?? [])
    expect(answer({ 'relay.test': ['2001:db8::1'] }).readUInt16BE(2)).toBe(0x8580)
    expect(answer({ 'relay.test': ['2001:db8::1'] }).readUInt16BE(6)).toBe(0)
    expect(answer({}).readUInt16BE(2)).toBe(0x8583)
  })

  it('answers nothing to what is no query', () => {
    for (let length = 0; length < QUERY_A.length; length += 1) {
      expect(answerTo(QUERY_A.subarray(0, length), {})).toBeUndefined()
    }
  })
})

describeLab('names in a lab', { name: 'names', caller: { addressing: 'dual' } }, (lab) => {
  it('are what the caller was told, and the latest', async () => {
    const lookUp = async (name: string): Promise<string[]> => {
      const { stdout } = await lab().run('caller', ['getent', 'ahosts', name])
      return [...new Set(stdout.split('\n').map((line) => line.split(' ')[0] ?? ''))].toSorted()
    }
    await lab().names({ 'relay.test': [VM.v4, VM.v6] })
    expect(await lookUp('relay.test')).toEqual(['', VM.v6, VM.v4])
    expect(await lookUp('other.test')).toEqual([''])
    await lab().names({ 'other.test': [VM.v4] })
    expect(await lookUp('other.test')).toEqual(['', VM.v4])
    expect(await lookUp('relay.test')).toEqual([''])
  })

  it('leave no file behind', async () => {
    const file = `/etc/netns/${lab().namespaceOf('caller')}`
    expect(existsSync(file)).toBe(true)
    await lab().down()
    expect(existsSync(file)).toBe(false)
  })
})

function query(name: string, type: number): Uint8Array {
  const head = [0xab, 0xcd, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]
  const labels = name.split('.').map((label) => `${String.fromCharCode(label.length)}${label}`)
  return Uint8Array.from([...head, ...Buffer.from(labels.join('')), 0, 0, type, 0, 1])
}
