/** Whether what a job was started with is still there: figures must not belong to two different files. */
import { createHash } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { PareError } from '../../contract/errors'
import { readModel } from '../onnx'

/** Throws `model/changed-on-disk` or `data/gone`, with the file, once something is not what it was. */
export type Unchanged = () => void

/** Changes with what a file holds; undefined where there is none, or it cannot be looked at. */
export function stampOf(file: string): string | undefined {
  try {
    const { ino, size, mtimeMs } = fs.statSync(file)
    return `${ino} ${size} ${mtimeMs}`
  } catch {
    return undefined
  }
}

/** Files of a folder and below, or the file itself; what cannot be listed holds none. */
function* filesOf(place: string, except: ReadonlySet<string>): Generator<string> {
  let entries: fs.Dirent[]
  try {
    entries = fs.readdirSync(place, { withFileTypes: true })
  } catch {
    return yield place
  }
  for (const entry of entries) {
    const file = path.join(place, entry.name)
    if (except.has(file)) continue
    if (entry.isDirectory()) yield* filesOf(file, except)
    else yield file
  }
}

/** Changes with any file of a folder, below as well but for folders `except`, or with the file itself; undefined where nothing is. */
export function stampOfAll(place: string, except: readonly string[] = []): string | undefined {
  const own = stampOf(place)
  if (own === undefined || !fs.statSync(place, { throwIfNoEntry: false })?.isDirectory()) return own
  const hash = createHash('sha256')
  for (const file of [...filesOf(place, new Set(except))].sort())
    hash.update(`${path.relative(place, file)}\0${stampOf(file)}\0`)
  return hash.digest('hex')
}

function weightsOf(model: string): readonly string[] {
  try {
    return readModel(model).externalFiles
  } catch {
    // Whoever reads it says what is wrong with it.
    return []
  }
}

const stamps = (files: Iterable<string>): Map<string, string | undefined> =>
  new Map([...files].map((file) => [file, stampOf(file)]))

const changedIn = (before: ReadonlyMap<string, string | undefined>): string | undefined =>
  [...before.keys()].find((file) => stampOf(file) !== before.get(file))

/**
 * Looks at a model with its weights, and at every file of the data as it is now, but for what lies in the folders
 * `except`, which the job itself writes to. Files that come to a folder of data later are not read and do not count.
 */
export function unchanged(
  model: string,
  data: readonly (string | undefined)[] = [],
  except: readonly (string | undefined)[] = [],
): Unchanged {
  const written = new Set(except.filter((place) => place !== undefined).map((place) => path.resolve(place)))
  const places = data.filter((place) => place !== undefined).map((place) => path.resolve(place))
  const before = {
    model: stamps([model, ...weightsOf(model)]),
    data: stamps(places.flatMap((place) => [...filesOf(place, written)])),
  }
  return () => {
    const file = changedIn(before.model)
    if (file !== undefined) throw new PareError('model/changed-on-disk', { file })
    const gone = changedIn(before.data)
    if (gone !== undefined) throw new PareError('data/gone', { path: gone })
  }
}
