/** The model that every form of a bundle is made of. */
import fs from 'node:fs'
import { diskError } from '../../contract/errors'
import { readModel, stripNotes, writeModel, type Model } from '../onnx'
import { SOURCE, SOURCE_DATA, type BundleFiles } from './files'

/** Copies the model, or writes it anew where it holds notes of its exporter. Throws `model/*`, `disk/*`. */
export function placeSource(model: Model, file: string, files: BundleFiles): Model {
  const hadNotes = stripNotes(model) > 0
  const target = files.path(SOURCE)
  try {
    if (!hadNotes && model.externalFiles.length === 0) fs.copyFileSync(file, target)
    else writeModel(model, target)
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
