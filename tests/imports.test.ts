/** No file and no room of src imports itself by a detour: types count as values do. */
import fs from 'node:fs'
import path from 'node:path'
import ts from 'typescript'
import { expect, test } from 'vitest'
import { ENGINE_ORDER } from '../scripts/fences'

const SRC = path.resolve(import.meta.dirname, '../src')

const files = fs
  .readdirSync(SRC, { recursive: true, encoding: 'utf8' })
  .filter((name) => /\.(ts|svelte)$/.test(name))
  .map((name) => name.replaceAll(path.sep, '/'))
const known = new Set(files)

/** The script of a component is TypeScript as well. */
function scriptOf(file: string): string {
  const text = fs.readFileSync(path.join(SRC, file), 'utf8')
  if (file.endsWith('.ts')) return text
  return [...text.matchAll(/<script[^>]*>([\s\S]*?)<\/script>/g)].map((found) => found[1]).join('\n')
}

function importsOf(file: string): string[] {
  // Lazy imports are among them.
  return ts
    .preProcessFile(scriptOf(file))
    .importedFiles.filter(({ fileName }) => fileName.startsWith('.'))
    .flatMap(({ fileName }) => {
      const target = path.posix.join(path.posix.dirname(file), fileName)
      const found = [target, `${target}.ts`, `${target}/index.ts`].find((name) => known.has(name))
      return found ?? []
    })
}

const graph = new Map(files.map((file) => [file, importsOf(file)]))

/** Engine rooms are the folders in `engine`, other rooms those in src; a file outside is a room of its own. */
const roomOf = (file: string): string => {
  const parts = file.split('/')
  return parts.slice(0, Math.min(parts.length, parts[0] === 'engine' ? 2 : 1)).join('/')
}

/** Strongly connected components of more than one node. Source: Tarjan, 1972. */
function circles(edges: ReadonlyMap<string, readonly string[]>): string[][] {
  const order = new Map<string, number>()
  const low = new Map<string, number>()
  const stack: string[] = []
  const found: string[][] = []
  const visit = (node: string): void => {
    order.set(node, order.size)
    low.set(node, order.get(node)!)
    stack.push(node)
    for (const next of edges.get(node) ?? []) {
      if (!order.has(next)) visit(next)
      if (stack.includes(next)) low.set(node, Math.min(low.get(node)!, low.get(next)!))
    }
    if (low.get(node) !== order.get(node)) return
    const members = stack.splice(stack.indexOf(node))
    if (members.length > 1) found.push(members.sort())
  }
  for (const node of edges.keys()) if (!order.has(node)) visit(node)
  return found
}

test('the search finds circles, and only those', () => {
  const edges = { a: ['b'], b: ['c'], c: ['b'], d: ['a', 'c'] }
  expect(circles(new Map(Object.entries(edges)))).toEqual([['b', 'c']])
})

/** A graph holds nodes whose attributes hold graphs: the format itself is recursive. */
const RECURSIVE = [['engine/onnx/graph.ts', 'engine/onnx/node.ts']]

test('files import each other in no circle', () => {
  expect(graph.size).toBeGreaterThan(400)
  expect(circles(graph)).toEqual(RECURSIVE)
})

test('rooms import each other in no circle', () => {
  const rooms = new Map<string, string[]>()
  for (const [file, targets] of graph) {
    const room = roomOf(file)
    const others = targets.map(roomOf).filter((other) => other !== room)
    rooms.set(room, [...(rooms.get(room) ?? []), ...others])
  }
  expect(circles(rooms)).toEqual([])
})

test('rooms of the engine import none that stands behind them, lazily or by a longer way either', () => {
  const rank = (file: string): number => ENGINE_ORDER.indexOf(roomOf(file).split('/')[1]!)
  const upwards = [...graph]
    .filter(([file]) => file.startsWith('engine/') && rank(file) >= 0)
    .flatMap(([file, targets]) =>
      targets.filter((target) => rank(target) > rank(file)).map((target) => `${file} → ${target}`),
    )
  expect(upwards).toEqual([])
})

test('files can be read at one go', () => {
  const lines = files
    .map((file) => fs.readFileSync(path.join(SRC, file), 'utf8').trimEnd().split('\n').length)
    .sort((a, b) => a - b)
  expect(lines[Math.floor(lines.length / 2)]).toBeLessThanOrEqual(90)
  expect(lines.at(-1)).toBeLessThanOrEqual(350)
})

/** What a file loads as soon as it is loaded itself: neither types nor lazy imports. */
function loadedBy(file: string): string[] {
  const source = ts.createSourceFile(file, scriptOf(file), ts.ScriptTarget.Latest)
  return source.statements.flatMap((statement) => {
    const isImport = ts.isImportDeclaration(statement)
    if (!isImport && !ts.isExportDeclaration(statement)) return []
    const clause = isImport ? statement.importClause : statement
    const names = isImport ? statement.importClause?.namedBindings : statement.exportClause
    const onlyTypes =
      (isImport
        ? statement.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword
        : statement.isTypeOnly) ||
      (names !== undefined &&
        (ts.isNamedImports(names) || ts.isNamedExports(names)) &&
        !(isImport && statement.importClause?.name) &&
        names.elements.every((element) => element.isTypeOnly))
    const from = statement.moduleSpecifier
    return clause !== undefined && !onlyTypes && from && ts.isStringLiteral(from) ? [from.text] : []
  })
}

test('an engine that starts loads no library that only some formats need', () => {
  const reached = new Set(['engine/worker.ts'])
  const packages = new Set<string>()
  for (const file of reached)
    for (const name of loadedBy(file)) {
      const target = path.posix.join(path.posix.dirname(file), name)
      const found = [`${target}.ts`, `${target}/index.ts`].find((one) => known.has(one))
      if (name.startsWith('.') && found) reached.add(found)
      else if (!/^node:|^\./.test(name)) packages.add(name)
    }
  expect(reached.size).toBeGreaterThan(200)
  // Every command and every job that failed pays for a start, and each of the others costs as much as all of these.
  expect([...packages].sort()).toEqual([
    '@petamoriken/float16',
    'csv-parse',
    'pure-rand/generator/xoroshiro128plus',
    'write-file-atomic',
    'yauzl',
    'zod',
  ])
})
