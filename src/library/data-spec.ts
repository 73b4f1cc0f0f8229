/** Files that say how data is read: as `pare data` writes them, and as they lie beside models. */
import fs from 'node:fs'
import path from 'node:path'
import { DataSpec } from '../contract/dataset'
import { PareError } from '../contract/errors'

/** Where compressing leaves what it knew of the data, and where it is looked for. */
const SPEC_FILE = 'data-spec.json'

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

/** What lies beside a model of how its data is read. */
export function specBeside(model: string): { file: string; spec: DataSpec } | undefined {
  const file = path.join(path.dirname(model), SPEC_FILE)
  return fs.existsSync(file) ? { file, spec: readSpec(file) } : undefined
}
