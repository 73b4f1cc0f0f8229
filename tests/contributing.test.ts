/** CONTRIBUTING.md walks through what the tree has: the files, registries and names that its steps tell are there. */
import fs from 'node:fs'
import path from 'node:path'
import { describe, expect, test } from 'vitest'

const ROOT = path.resolve(import.meta.dirname, '..')
const ROOMS = ['src', 'tests', 'docs', 'bench', 'attack', 'suite', 'scripts']
const FILES = ROOMS.flatMap((room) =>
  fs
    .readdirSync(path.join(ROOT, room), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(ROOT, path.join(entry.parentPath, entry.name)).replaceAll(path.sep, '/')),
)

const read = (file: string): string => fs.readFileSync(path.join(ROOT, file), 'utf8')

const SECTIONS = new Map(
  read('CONTRIBUTING.md')
    .split(/^## /m)
    .slice(1)
    .map((text) => [text.slice(0, text.indexOf('\n')), text.slice(text.indexOf('\n'))] as const),
)

/** What is walked through, and the registry that gets a line. */
const WALKS: [title: string, registry: string, name: string][] = [
  ['A pass', 'src/engine/passes/index.ts', 'PASSES'],
  ['A method of a pass', 'src/engine/math/quantize/grids/index.ts', 'GRIDS'],
  ['An encoding of weights', 'src/engine/layers/encodings/index.ts', 'ENCODINGS'],
  ['A target', 'src/engine/targets/index.ts', 'TARGETS'],
  ['An export form', 'src/engine/export/forms/index.ts', 'FORMS'],
  ['A task', 'src/engine/tasks/index.ts', 'BUILT_IN'],
]

const spans = (text: string): string[] => [...text.matchAll(/`([^`\n]+)`/g)].map(([, span]) => span!)

const isPath = (span: string): boolean =>
  /^[\w.<>*/-]+$/.test(span) && (/\.(ts|md|json|svelte)$/.test(span) || /^[\w-]+\/.*\/$/.test(span))

/** Files that a path of the guide may mean: whole, or from some folder on; `<id>` and `*` stand for any name. */
function meant(span: string): string[] {
  const name = span.replace(/[.]/g, '\\$&').replace(/<\w+>|\*/g, '[\\w.-]+')
  const pattern = new RegExp(`(^|/)${name}${span.endsWith('/') ? '' : '$'}`)
  return FILES.filter((file) => pattern.test(file))
}

/** Of a bare name only those in folders that the walk has named. */
function named(text: string): Map<string, string[]> {
  const found = new Map<string, string[]>()
  const folders = new Set<string>()
  for (const span of spans(text).filter(isPath)) {
    const files = meant(span).filter((file) => span.includes('/') || folders.has(path.dirname(file)))
    found.set(span, files)
    for (const file of files) folders.add(path.dirname(file))
  }
  return found
}

test('the pattern takes what is there, and nothing else', () => {
  expect(meant('src/engine/passes/<id>.ts')).toContain('src/engine/passes/float16.ts')
  expect(meant('passes/portfolio.ts')).toEqual(['src/engine/passes/portfolio.ts'])
  expect(meant('passes/<id>/none.ts')).toEqual([])
  expect([...named('`src/engine/tasks/<id>.ts`, `index.ts`').values()].at(-1)).toEqual([
    'src/engine/tasks/index.ts',
  ])
  expect(named('`src/engine/tasks/<id>.ts`, `grouped.ts`').get('grouped.ts')).toEqual([])
})

describe.each(WALKS)('%s', (title, registry, name) => {
  const text = SECTIONS.get(title) ?? ''
  const files = named(text)

  test('names files that are there, one to follow, its test and what is written anew', () => {
    expect([...files].filter(([, found]) => found.length === 0).map(([span]) => span)).toEqual([])
    expect(text).toMatch(/Follow `src\//)
    expect([...files.keys()].some((span) => span.startsWith('tests/'))).toBe(true)
    expect(text).toContain('`npm run docs`')
  })

  test('names its registry', () => {
    expect(text).toMatch(new RegExp(`\`${registry}\`: its (line|name) in \`${name}\``))
    expect(read(registry)).toMatch(new RegExp(`^(export )?const ${name}\\b`, 'm'))
  })

  test('names functions, types and fields that these files have', () => {
    const words = new Set([...files.values()].flat().flatMap((file) => read(file).match(/\w+/g) ?? []))
    const told = spans(text).filter((span) => /^[a-zA-Z]\w*$/.test(span))
    expect(told.length).toBeGreaterThan(0)
    expect(told.filter((word) => !words.has(word))).toEqual([])
  })
})

test('files in the other parts are there', () => {
  const others = [...SECTIONS].filter(([title]) => !WALKS.some(([walk]) => walk === title))
  const gone = others.flatMap(([, text]) =>
    spans(text).filter((span) => isPath(span) && span.includes('/') && meant(span).length === 0),
  )
  expect(gone).toEqual([])
})
