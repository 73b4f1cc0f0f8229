/** Declarations of the library, src/index.ts and what it shows, into out/types: for TypeScript in whatever it resolves by. */
import fs from 'node:fs'
import path from 'node:path'
import ts from 'typescript'
import { root } from './build.mjs'

const source = path.join(root, 'src')
const out = path.join(root, 'out', 'types')

/** Every declaration by its absolute path, as the compiler gives it. */
function declarations() {
  const { config } = ts.readConfigFile(path.join(root, 'tsconfig.node.json'), ts.sys.readFile)
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, root)
  const program = ts.createProgram([path.join(source, 'index.ts')], {
    ...options,
    noEmit: false,
    incremental: false,
    composite: false,
    declaration: true,
    emitDeclarationOnly: true,
    rootDir: root,
    outDir: out,
  })
  const found = new Map()
  // What cannot be declared is left out; `place` finds out whether it would be needed.
  program.emit(undefined, (file, text) => found.set(path.resolve(file), text))
  return found
}

/** Writes what `from` reaches, with whole names of files in its imports; gives how many there are. */
function place(found, from) {
  const seen = new Set()
  const visit = (file) => {
    if (seen.has(file)) return
    seen.add(file)
    let text = found.get(file)
    for (const { fileName: name } of ts.preProcessFile(text).importedFiles) {
      if (!name.startsWith('.')) continue
      const base = path.resolve(path.dirname(file), name)
      const ending = found.has(`${base}.d.ts`) ? '' : '/index'
      const target = `${base}${ending}.d.ts`
      if (!found.has(target)) throw new Error(`${file} imports ${name}, which has no declarations`)
      for (const quote of [`'`, `"`])
        text = text.replaceAll(`${quote}${name}${quote}`, `${quote}${name}${ending}.js${quote}`)
      visit(target)
    }
    fs.mkdirSync(path.dirname(file), { recursive: true })
    fs.writeFileSync(file, text)
  }
  visit(from)
  return seen.size
}

export function writeTypes() {
  fs.rmSync(out, { recursive: true, force: true })
  return place(declarations(), path.join(out, 'src', 'index.d.ts'))
}

if (process.argv[1] === import.meta.filename) console.log(`${writeTypes()} declarations in out/types`)
