/** Files that say how data is read: as `pare data` writes them, and as they lie beside models and samples. */
import fs from 'node:fs'
import path from 'node:path'
import { DataSpec } from '../contract/dataset'
import { PareError } from '../contract/errors'

/** What it is called where compressing leaves one and where one is looked for. */
export const SPEC_FILE = 'data-spec.json'

/** Throws `data/not-found`, and `data/spec` for what is none. */
export function readSpec(file: string): DataSpec {
  let text: string
  try {
    text = fs.readFileSync(file, 'utf8')
  } catch (cause) {
    throw new PareError('data/not-found', { path: file }, { cause })
  }
  const wrong = (reason: string): PareError => new PareError('data/spec', { reason: `“${file}”: ${reason}` })
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    throw wrong('it is not valid JSON')
  }
  const parsed = DataSpec.safeParse(json)
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  throw wrong(`${issue!.path.join('.')} ${issue!.message}`.trim())
}

interface Beside {
  file: string
  spec: DataSpec
}

/**
 * What lies beside models, then in the folder of the data or beside its file, of how data is read. Paths are absolute.
 * Throws as `readSpec`.
 */
export function specsBeside(models: readonly string[], data: string): Beside[] {
  const isFolder = fs.statSync(data, { throwIfNoEntry: false })?.isDirectory() === true
  const folders = [...models.map((model) => path.dirname(model)), isFolder ? data : path.dirname(data)]
  return [...new Set(folders)]
    .map((folder) => path.join(folder, SPEC_FILE))
    .filter((file) => fs.existsSync(file))
    .map((file) => ({ file, spec: readSpec(file) }))
}
