/** Single entries built for tests that need a process of their own: quicker than the whole program, and without the window. */
import { createHash } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { rolldown } from 'rolldown'

const root = path.resolve(import.meta.dirname, '..')

/** Builds `src/<entry>` into one file inside the checkout, so that it finds its packages. Gives its path. */
export async function bundled(
  entry: 'engine/worker.ts' | 'cli/index.ts' | 'browser-shell/index.ts',
): Promise<string> {
  const bundle = await rolldown({
    input: path.join(root, 'src', entry),
    platform: 'node',
    external: (id) => !id.startsWith('.') && !path.isAbsolute(id),
    logLevel: 'silent',
  })
  const { output } = await bundle.generate({ format: 'es', codeSplitting: false })
  await bundle.close()
  const { code } = output[0]
  const name = createHash('sha256').update(code).digest('hex').slice(0, 16)
  const folder = path.join(root, 'node_modules', '.cache', 'pare-tests', name)
  const file = path.join(folder, `${path.basename(path.dirname(entry))}-${path.basename(entry, '.ts')}.mjs`)
  if (!fs.existsSync(file)) {
    fs.mkdirSync(folder, { recursive: true })
    // Test files run side by side: none may see another's half-written file.
    const temporary = `${file}.${process.pid}`
    fs.writeFileSync(temporary, code)
    fs.renameSync(temporary, file)
  }
  return file
}
