import { expect, it } from 'vitest'
import { firstLoadFiles } from './sizes.ts'

it('first load: scripts, styles, preloads, and what they import before they run', () => {
  const html = `<link rel="icon" href="/favicon.svg" />
    <script type="module" crossorigin src="/assets/index.js"></script>
    <link rel="modulepreload" crossorigin href="/assets/react.js">
    <link rel="stylesheet" crossorigin href="/assets/index.css">`
  const files: Record<string, string> = {
    'assets/index.js': 'import{a}from"./react.js";import"./call.js";const b=()=>import("./vad.js")',
    'assets/react.js': 'export const a=1',
    'assets/call.js': 'import{c}from"./react.js"',
  }
  expect(firstLoadFiles(html, (file) => files[file] ?? '').toSorted()).toEqual([
    'assets/call.js',
    'assets/index.css',
    'assets/index.js',
    'assets/react.js',
  ])
})
