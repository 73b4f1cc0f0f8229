/** Nothing is exported that no other file imports: what only its own file uses is private, what nobody uses is gone. */
import fs from 'node:fs'
import path from 'node:path'
import ts from 'typescript'
import { expect, test } from 'vitest'

const ROOT = path.resolve(import.meta.dirname, '..')
const ROOMS = ['src', 'tests', 'bench', 'attack', 'suite', 'scripts', 'examples', 'action']
const ALL = '*'

/** What is loaded by its name: doors, what benches, attacks and suites find in their folders, settings of tools, examples. */
const DOORS = [
  /^src\/([^/]+\/)?index\.ts$/,
  /^bench\/[^/]+\.ts$/,
  /^(attack|suite)\/kinds\/[^/]+\.ts$/,
  /\.config\.(ts|js)$/,
  /^examples\//,
]

const files = ROOMS.flatMap((room) =>
  fs
    .readdirSync(path.join(ROOT, room), { recursive: true, encoding: 'utf8' })
    .map((name) => `${room}/${name.replaceAll(path.sep, '/')}`),
)
  .filter((name) => /\.(ts|mjs|js|svelte)$/.test(name) && !name.endsWith('.d.ts'))
  .concat(fs.readdirSync(ROOT).filter((name) => /\.config\.(ts|js)$/.test(name)))
const known = new Set(files)

/** By name: the name it has in the file it comes from, or itself. */
interface Scanned {
  exports: Map<string, { file: string; name: string } | undefined>
  /** Files of which all is exported again. */
  stars: string[]
  uses: { file: string; name: string }[]
}

function scan(file: string, text: string, resolve = fileOf): Scanned {
  const found: Scanned = { exports: new Map(), stars: [], uses: [] }
  const from = (specifier: ts.Expression | undefined): string | undefined =>
    specifier && ts.isStringLiteralLike(specifier) ? resolve(file, specifier.text) : undefined
  const use = (target: string | undefined, name: string): void => {
    if (target) found.uses.push({ file: target, name })
  }
  // Parsing is what takes the time: of a file without exports the imports do.
  const imports = [...text.matchAll(/^.* from ['"][^'"\n]+['"]$/gm)].at(-1)
  const end = /^export\b/m.test(text) ? text.length : imports ? imports.index + imports[0].length : 0
  const source = ts.createSourceFile(file, text.slice(0, end), ts.ScriptTarget.Latest)
  for (const statement of source.statements) {
    if (ts.isImportDeclaration(statement)) {
      const target = from(statement.moduleSpecifier)
      const { name, namedBindings } = statement.importClause ?? {}
      if (name) use(target, 'default')
      if (namedBindings && ts.isNamespaceImport(namedBindings)) use(target, ALL)
      if (namedBindings && ts.isNamedImports(namedBindings))
        for (const one of namedBindings.elements) use(target, (one.propertyName ?? one.name).text)
    } else if (ts.isExportDeclaration(statement)) {
      const target = from(statement.moduleSpecifier)
      const { exportClause } = statement
      if (exportClause && ts.isNamedExports(exportClause))
        for (const one of exportClause.elements) {
          const name = (one.propertyName ?? one.name).text
          found.exports.set(one.name.text, target ? { file: target, name } : undefined)
        }
      else if (target) found.stars.push(target)
    } else if (ts.isExportAssignment(statement)) found.exports.set('default', undefined)
    else if (
      ts.canHaveModifiers(statement) &&
      ts.getModifiers(statement)?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword)
    )
      for (const name of declared(statement)) found.exports.set(name, undefined)
  }
  // Lazy imports, types of modules, doubles: all of the file counts.
  for (const [, specifier] of text.matchAll(
    /(?:\bimport|\b(?:mock|importActual)(?:<[^>]*>)?)\(\s*['"](\.[^'"]+)['"]/g,
  ))
    use(resolve(file, specifier!), ALL)
  return found
}

function declared(statement: ts.Statement): string[] {
  if (ts.isVariableStatement(statement))
    return statement.declarationList.declarations.flatMap(({ name }) => bound(name))
  const { name } = statement as ts.Statement & { name?: ts.Identifier }
  return [name?.text ?? 'default']
}

const bound = (name: ts.BindingName): string[] =>
  ts.isIdentifier(name)
    ? [name.text]
    : name.elements.flatMap((one) => (ts.isBindingElement(one) ? bound(one.name) : []))

function fileOf(file: string, specifier: string): string | undefined {
  if (!specifier.startsWith('.')) return undefined
  const target = path.posix.join(path.posix.dirname(file), specifier.replace(/\?.*$/, ''))
  return [target, `${target}.ts`, `${target}/index.ts`, `${target}.js`, `${target}.mjs`].find((name) =>
    known.has(name),
  )
}

/** The script of a component is TypeScript as well. */
function scriptOf(file: string): string {
  const text = fs.readFileSync(path.join(ROOT, file), 'utf8')
  if (!file.endsWith('.svelte')) return text
  return [...text.matchAll(/<script[^>]*>([\s\S]*?)<\/script>/g)].map((found) => found[1]).join('\n')
}

/** `file: name` of what is exported and imported by nobody. */
function unused(scans: ReadonlyMap<string, Scanned>): string[] {
  const used = new Set<string>()
  const mark = (file: string, name: string): void => {
    const key = `${file}: ${name}`
    const scanned = scans.get(file)
    if (!scanned || used.has(key)) return
    used.add(key)
    if (name === ALL) for (const one of scanned.exports.keys()) mark(file, one)
    const origin = scanned.exports.get(name)
    if (origin) mark(origin.file, origin.name)
    else if (!scanned.exports.has(name)) for (const star of scanned.stars) mark(star, name)
  }
  for (const { uses } of scans.values()) for (const { file, name } of uses) mark(file, name)
  for (const file of scans.keys()) if (DOORS.some((door) => door.test(file))) mark(file, ALL)
  return [...scans]
    .flatMap(([file, { exports }]) => [...exports.keys()].map((name) => `${file}: ${name}`))
    .filter((key) => !used.has(key))
}

test('the scan finds what nobody imports, also through files that export it again', () => {
  const texts: Record<string, string> = {
    'a/b.ts':
      'export const one = 1, { two, three: [four] } = x\nexport function five() {}\nexport type Six = 6',
    'a/door.ts': "export { one, five as again } from './b'\nexport * from './c'",
    'a/c.ts': 'export class Seven {}\nexport interface Eight {}\nconst nine = 9\nexport { nine as ten }',
    'a/user.ts': "import { one, Seven } from './door'\nimport type { two } from './b'\nvoid import('./d')",
    'a/d.ts': 'export default 1\nexport const eleven = 11',
  }
  const resolve = (_: string, to: string): string => `a/${to.slice(2)}.ts`
  const scans = new Map(Object.entries(texts).map(([file, text]) => [file, scan(file, text, resolve)]))
  expect(unused(scans)).toEqual([
    'a/b.ts: four',
    'a/b.ts: five',
    'a/b.ts: Six',
    'a/door.ts: again',
    'a/c.ts: Eight',
    'a/c.ts: ten',
  ])
})

test('nothing is exported in vain', () => {
  const scans = new Map(files.map((file) => [file, scan(file, scriptOf(file))]))
  expect(scans.size).toBeGreaterThan(1000)
  expect(unused(scans)).toEqual([])
})
