/** The import fences still bite: each wrong import below must be an error, each right one none. */
import { ESLint } from 'eslint'
import fs from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { ENGINE_ORDER, MAY_IMPORT } from '../scripts/fences'

const CASES: [file: string, source: string, allowed: boolean][] = [
  ['src/contract/x.ts', "import { Model } from '../engine/onnx'\nexport const a = Model", false],
  ['src/contract/x.ts', "import fs from 'node:fs'\nexport const a = fs", false],
  ['src/engine/run/x.ts', "import { b } from '../../service/files'\nexport const a = b", false],
  ['src/engine/run/x.ts', "import { app } from 'electron'\nexport const a = app", false],
  ['src/engine/run/x.ts', 'export const a = document', false],
  ['src/service/x.ts', "import type { Jobs } from '../engine/jobs/protocol'\nexport type A = Jobs", true],
  ['src/engine/onnx/x.ts', "import { isAlive } from '../../disk/left'\nexport const a = isAlive", true],
  ['src/disk/x.ts', "import { b } from '../service/files'\nexport const a = b", false],
  ['src/renderer/x.ts', "import { b } from '../disk/write'\nexport const a = b", false],
  ['src/service/x.ts', "import { serve } from '../engine/jobs/serve'\nexport const a = serve", false],
  ['src/renderer/x.ts', "import { b } from '../service/files'\nexport const a = b", false],
  ['src/renderer/x.ts', 'export const a = process', false],
  ['src/renderer/x.ts', "import { methods } from '../contract/app'\nexport const a = methods", true],
  ['src/cli/x.ts', "import { app } from 'electron'\nexport const a = app", false],
  ['src/cli/x.ts', "import { b } from '../main/ipc'\nexport const a = b", false],
  ['src/main/x.ts', "import { app } from 'electron'\nexport const a = app", true],
  ['src/main/x.ts', "import { runCommand } from '../cli/program'\nexport const a = runCommand", true],
  ['src/engine/runtime/x.ts', "import * as ort from 'onnxruntime-node'\nexport const a = ort", false],
  ['src/engine/runtime/x.ts', "import { ort } from './ort'\nexport const a = ort", true],
  [
    'src/engine/runtime/ort.ts',
    "import type { Tensor } from 'onnxruntime-node'\nexport type A = Tensor",
    true,
  ],
  ['tests/engine/x.test.ts', "import { Tensor } from 'onnxruntime-common'\nexport const a = Tensor", false],
  ['bench/x.ts', "export const a = await import('onnxruntime-node')", false],
  ['scripts/x.mjs', "export const a = createRequire(import.meta.url)('onnxruntime-node/dist/index')", false],
]

const ORDER =
  'onnx math runtime tasks data layers targets evaluate training passes export search run jobs'.split(' ')

/** Each engine room against every other: the folder itself and a file in it, from the room and from a folder in it. */
for (const [rank, room] of ORDER.entries())
  for (const [other, target] of ORDER.entries())
    if (rank !== other)
      CASES.push(
        [`src/engine/${room}/x.ts`, `import { a } from '../${target}'\nexport const b = a`, other < rank],
        [
          `src/engine/${room}/y/x.ts`,
          `import { a } from '../../${target}/z'\nexport const b = a`,
          other < rank,
        ],
      )

const FENCE_RULES = [
  '@typescript-eslint/no-restricted-imports',
  'no-restricted-globals',
  'no-restricted-syntax',
]

test('every room may import what it may, and nothing else', async () => {
  // The files are not there, so that nothing is known of their types.
  const eslint = new ESLint({
    overrideConfig: {
      languageOptions: { parserOptions: { projectService: false } },
      rules: {
        '@typescript-eslint/no-floating-promises': 'off',
        '@typescript-eslint/no-misused-promises': 'off',
      },
    },
  })
  for (const [file, source, allowed] of CASES) {
    const [result] = await eslint.lintText(`${source}\n`, { filePath: file })
    expect(result!.fatalErrorCount, `${file}: ${source}`).toBe(0)
    const hits = result!.messages.filter((message) => FENCE_RULES.includes(message.ruleId ?? ''))
    expect(hits.length === 0, `${file}: ${source}`).toBe(allowed)
  }
})

test('a promise without an owner is an error in every kind of file', async () => {
  const eslint = new ESLint()
  for (const file of [
    'src/cli/index.ts',
    'src/renderer/App.svelte',
    'scripts/test.mjs',
    'scripts/command-line.ts',
    'attack/support/kill-at.mjs',
    'tests/privacy/drive-shell.mjs',
    'eslint.config.js',
    'vitest.config.ts',
    'playwright.config.ts',
  ]) {
    const { rules } = (await eslint.calculateConfigForFile(file)) as { rules: Record<string, unknown[]> }
    expect(rules['@typescript-eslint/no-floating-promises']?.[0], file).toBe(2)
  }
})

test('docs/architecture.md tells the rooms and what they may import', () => {
  const text = fs.readFileSync(path.resolve(import.meta.dirname, '../docs/architecture.md'), 'utf8')
  const rows = text
    .split('\n')
    .flatMap((line) => (line.startsWith('| `') ? [line.split('|').slice(1, -1)] : []))
  const named = (cell: string): string[] => [...cell.matchAll(/`([\w-]+)`/g)].map(([, name]) => name!)
  const told: Record<string, string[]> = {}
  for (const [names, , rooms] of rows.filter((row) => row.length === 3))
    for (const room of named(names!)) {
      // Behind a room in brackets: of those in the row the only one that may.
      const own = [...rooms!.matchAll(/`([\w-]+)`(?: \(([\w-]+)\))?/g)]
      told[room] = own.flatMap(([, other, only]) => (only && only !== room ? [] : [other!]))
    }
  const sorted = (table: Record<string, readonly string[]>): [string, string[]][] =>
    Object.entries(table)
      .map(([room, others]): [string, string[]] => [room, [...others].sort()])
      .sort(([a], [b]) => (a < b ? -1 : 1))
  expect(sorted(told)).toEqual(sorted(MAY_IMPORT))
  expect(rows.filter((row) => row.length === 2).map(([room]) => named(room!)[0])).toEqual(ENGINE_ORDER)
})
