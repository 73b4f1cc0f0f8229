/** The reference of the library, from what src/index.ts exports: types as they stand, functions and classes by what they promise. */
import fs from 'node:fs'
import path from 'node:path'
import ts from 'typescript'

const root = path.resolve(import.meta.dirname, '..')
const parsed = new Map<string, ts.SourceFile>()

function parse(file: string): ts.SourceFile {
  let source = parsed.get(file)
  if (!source) {
    source = ts.createSourceFile(file, fs.readFileSync(file, 'utf8'), ts.ScriptTarget.Latest, true)
    parsed.set(file, source)
  }
  return source
}

const fileOf = (from: string, specifier: string): string | undefined => {
  if (!specifier.startsWith('.')) return undefined
  const at = path.resolve(path.dirname(from), specifier)
  return [`${at}.ts`, path.join(at, 'index.ts')].find((file) => fs.existsSync(file))
}

/** Where a name that a file exports is declared. */
function declarationOf(file: string, name: string): ts.Statement | undefined {
  const source = parse(file)
  const own = source.statements.find(
    (one) =>
      (ts.isInterfaceDeclaration(one) ||
        ts.isTypeAliasDeclaration(one) ||
        ts.isFunctionDeclaration(one) ||
        ts.isClassDeclaration(one)) &&
      one.name?.text === name,
  )
  if (own) return own
  for (const one of source.statements.filter(ts.isExportDeclaration)) {
    const next = one.moduleSpecifier && fileOf(file, (one.moduleSpecifier as ts.StringLiteral).text)
    if (!next) continue
    const clause = one.exportClause
    const given = !clause
      ? name
      : ts.isNamedExports(clause)
        ? clause.elements.find((element) => element.name.text === name)
        : undefined
    if (given)
      return declarationOf(next, typeof given === 'string' ? given : (given.propertyName ?? given.name).text)
  }
  return undefined
}

/** What is private is nobody's business, and how something is done not the reader's. */
function promised(one: ts.Statement): string {
  if (ts.isFunctionDeclaration(one) && one.body) return text(one, one.getFullStart(), one.body.getStart())
  if (!ts.isClassDeclaration(one)) return one.getFullText().trim()
  const members = one.members.flatMap((member) => {
    const hidden =
      ts.getCombinedModifierFlags(member) & (ts.ModifierFlags.Private | ts.ModifierFlags.Protected)
    if (hidden) return []
    const body = 'body' in member ? (member.body as ts.Block | undefined) : undefined
    // A field without a type is told by what it begins with.
    const value = ts.isPropertyDeclaration(member) && member.type ? member.initializer : undefined
    const end = body?.getStart() ?? value?.getFullStart() ?? member.end
    return [`  ${text(member, member.getFullStart(), end).replace(/\s*=$/, '')}`]
  })
  const head = text(one, one.getFullStart(), one.members.pos)
  return [head, ...members, '}'].join('\n')
}

const text = (node: ts.Node, from: number, to: number): string =>
  node.getSourceFile().text.slice(from, to).trim()

/** Everything that src/index.ts exports by name, in its order; the functions of `library` are those of its type. */
export function libraryReference(): string {
  const entry = path.join(root, 'src', 'index.ts')
  const names = parse(entry).statements.flatMap((one) =>
    ts.isExportDeclaration(one) && one.exportClause && ts.isNamedExports(one.exportClause)
      ? one.exportClause.elements.map(({ name }) => name.text)
      : [],
  )
  const ordered = ['Library', ...names.filter((name) => name !== 'Library')]
  return ordered
    .flatMap((name) => {
      const found = declarationOf(entry, name)
      return found ? [`## ${name}\n\n\`\`\`ts\n${promised(found)}\n\`\`\`\n`] : []
    })
    .join('\n')
}
