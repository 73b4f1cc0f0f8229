/** Inputs to start from: the checkout's own samples and fixtures, and more where a folder of them lies beside it. */
import fs from 'node:fs'
import path from 'node:path'

export interface Seed {
  /** Relative to the folder it was found in. */
  name: string
  file: string
}

/** Larger ones would spend the time on bytes that mean nothing. */
const LARGEST = 2 ** 20

function* filesIn(folder: string): Iterable<string> {
  if (!fs.existsSync(folder)) return
  for (const entry of fs.readdirSync(folder, { withFileTypes: true })) {
    const file = path.join(folder, entry.name)
    if (entry.isDirectory()) yield* filesIn(file)
    else if (entry.isFile() && fs.statSync(file).size <= LARGEST) yield file
  }
}

/** Files with one of the endings, at most `limit` of each folder so that a hundred pictures weigh like ten. */
export function seedsIn(folders: readonly string[], endings: readonly string[], limit = 6): Seed[] {
  const perFolder = new Map<string, number>()
  const seeds: Seed[] = []
  for (const folder of folders)
    for (const file of filesIn(folder)) {
      if (!endings.some((ending) => file.toLowerCase().endsWith(ending))) continue
      const parent = `${path.dirname(file)} ${path.extname(file)}`
      const count = (perFolder.get(parent) ?? 0) + 1
      perFolder.set(parent, count)
      if (count <= limit) seeds.push({ name: path.relative(folder, file), file })
    }
  return seeds.sort((a, b) => (a.name < b.name ? -1 : 1))
}
