/**
 * The entries that run in Node, built for tests that need processes of their own: quicker than the whole program,
 * and without the window. They lie as they do in `out/`, inside the checkout so that they find their packages.
 */
import { createHash, type Hash } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { rolldown } from 'rolldown'

const root = path.resolve(import.meta.dirname, '..')
const ENTRIES = {
  worker: 'engine/worker.ts',
  'maths-worker': 'engine/maths-worker.ts',
  cli: 'cli/index.ts',
  library: 'index.ts',
  'browser-shell': 'browser-shell/index.ts',
}

/** Every source with its time: what is built of the same ones serves all test files. */
function addSources(hash: Hash, folder: string): Hash {
  for (const entry of fs.readdirSync(folder, { withFileTypes: true })) {
    const file = path.join(folder, entry.name)
    if (entry.isDirectory()) addSources(hash, file)
    else hash.update(`${file} ${fs.statSync(file).mtimeMs}\n`)
  }
  return hash
}

async function bundle(): Promise<string> {
  const sources = addSources(createHash('sha256'), path.join(root, 'src'))
  for (const file of ['package.json', 'package-lock.json'])
    sources.update(fs.readFileSync(path.join(root, file)))
  const hash = sources.digest('hex').slice(0, 16)
  const folder = path.join(root, 'node_modules', '.cache', 'pare-tests', hash)
  if (fs.existsSync(folder)) return folder
  const build = await rolldown({
    input: Object.fromEntries(
      Object.entries(ENTRIES).map(([name, file]) => [name, path.join(root, 'src', file)]),
    ),
    platform: 'node',
    external: (id) => !id.startsWith('.') && !path.isAbsolute(id),
    logLevel: 'silent',
  })
  const { output } = await build.generate({
    format: 'es',
    entryFileNames: '[name].js',
    chunkFileNames: '[name]-[hash].js',
  })
  await build.close()
  const files = output.flatMap((file) =>
    file.type === 'chunk' ? [{ name: file.fileName, code: file.code }] : [],
  )
  // Test files run side by side: none may see another's half-written folder.
  const temporary = `${folder}.${process.pid}`
  const main = path.join(temporary, 'out', 'main')
  fs.mkdirSync(main, { recursive: true })
  fs.writeFileSync(path.join(temporary, 'package.json'), '{"type":"module"}')
  fs.symlinkSync(path.join(root, 'resources'), path.join(temporary, 'resources'), 'junction')
  for (const { name, code } of files) fs.writeFileSync(path.join(main, name), code)
  try {
    fs.renameSync(temporary, folder)
  } catch {
    fs.rmSync(temporary, { recursive: true, force: true })
  }
  return folder
}

let once: Promise<string> | undefined

/** Absolute path of an entry. */
export async function bundled(name: keyof typeof ENTRIES): Promise<string> {
  once ??= bundle()
  return path.join(await once, 'out', 'main', `${name}.js`)
}
