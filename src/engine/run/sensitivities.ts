/**
 * Measured sensitivities on disk, one file for each model, set of samples and writer: several workers may share
 * the folder, and no file has two writers.
 */
import fs from 'node:fs'
import path from 'node:path'
import type { Sensitivity } from '../../contract/sensitivity'
import { StoredSensitivity } from '../../contract/stored'
import type { SensitivityCache } from '../search/sensitivity/cache'
import { writeJson } from '../../disk/write'
import { readJson } from './files'
import type { Unchanged } from './unchanged'

type Known = Map<string, Sensitivity>

const keyOf = ({
  layer,
  technique,
  strength,
}: Pick<Sensitivity, 'layer' | 'technique' | 'strength'>): string => `${technique} ${strength} ${layer}`

/** What is damaged was never measured. */
function entriesIn(file: string): Sensitivity[] {
  const found = readJson(file)
  return Array.isArray(found) ? found.flatMap((entry) => StoredSensitivity.safeParse(entry).data ?? []) : []
}

/** What is in `folder` by any writer; what is measured from now on goes to files of `writer`, once `same` does not throw. */
export function sensitivitiesIn(folder: string, writer = 'main', same?: Unchanged): SensitivityCache {
  const known = new Map<string, Known>()
  const own = (about: string): string => path.join(folder, `${about}.${writer}.json`)
  const load = (about: string): Known => {
    const names = fs.existsSync(folder) ? fs.readdirSync(folder).sort() : []
    const files = names.filter((name) => name.startsWith(`${about}.`) && name.endsWith('.json'))
    const entries = files.flatMap((name) => entriesIn(path.join(folder, name)))
    return new Map(entries.map((entry) => [keyOf(entry), entry]))
  }
  const of = (about: string): Known => {
    const found = known.get(about) ?? load(about)
    known.set(about, found)
    return found
  }
  return {
    find: (about, layer, technique, strength) => of(about).get(keyOf({ layer, technique, strength })),
    keep(about, entries) {
      same?.()
      const all = of(about)
      for (const entry of entries) all.set(keyOf(entry), entry)
      writeJson(own(about), [...all.values()])
    },
  }
}
