/** The model that every form of a bundle is made of. */
import fs from 'node:fs'
import { diskError } from '../../contract/errors'
import { readModel, writeModel, type Model } from '../onnx'
import { SOURCE, SOURCE_DATA, type BundleFiles } from './files'
import { withoutNotes } from './privacy'

/** Copies the model, or writes it anew where it holds notes of its exporter. Throws `model/*`, `disk/*`. */
export function placeSource(file: string, files: BundleFiles): Model {
  const model = readModel(file)
  const clean = withoutNotes(model)
  const target = files.path(SOURCE)
  try {
    if (clean === model && model.externalFiles.length === 0) fs.copyFileSync(file, target)
    else writeModel(clean, target)
  } catch (cause) {
    throw diskError(cause, target, 0)
  }
  return readModel(target)
}

/** Takes it away where no form is made of its very file. */
export function dropSource(files: BundleFiles): void {
  const kept = new Set(files.entries.map(({ name }) => name))
  for (const name of [SOURCE, SOURCE_DATA]) if (!kept.has(name)) fs.rmSync(files.path(name), { force: true })
}
