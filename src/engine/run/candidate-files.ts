/**
 * A candidate's files are written beside the old ones; the old report, which makes a folder a result, goes first and
 * the new one comes last, so that at no moment a model lies beside the report of another. In between there is none.
 */
import fs from 'node:fs'
import { diskError } from '../../contract/errors'
import path from 'node:path'

const REPORT = 'report.json'
/** In the order they are put in place. */
const FILES = ['model.onnx.data', 'model.onnx', 'recipe.json', 'data-spec.json', 'samples.json', REPORT]
/** Made from the files above, by whoever shows them. */
const DERIVED = ['report.html', 'search.json']

/** Absolute paths of a candidate's files that are there; the model first. */
export const candidateFiles = (folder: string): string[] =>
  ['model.onnx', ...FILES.filter((name) => name !== 'model.onnx')]
    .map((name) => path.join(folder, name))
    .filter((file) => fs.existsSync(file))

/** A fresh folder to write the files into, inside the one they will lie in. */
export function stageCandidate(folder: string): string {
  const staged = path.join(folder, '.new')
  try {
    fs.rmSync(staged, { recursive: true, force: true })
    fs.mkdirSync(staged, { recursive: true })
  } catch (cause) {
    throw diskError(cause, staged, 0)
  }
  return staged
}

/** Takes away what an earlier run left there; the folder too where nothing else lies in it. Throws `disk/*`. */
export function removeCandidate(folder: string): void {
  if (!fs.existsSync(path.join(folder, REPORT))) return
  try {
    for (const name of [REPORT, ...DERIVED, ...FILES]) fs.rmSync(path.join(folder, name), { force: true })
    if (fs.readdirSync(folder).length === 0) fs.rmdirSync(folder)
  } catch (cause) {
    throw diskError(cause, folder, 0)
  }
}

/** Puts staged files in place of the candidate that was there. Throws `disk/*`. */
export function placeCandidate(staged: string, folder: string): void {
  try {
    for (const name of [REPORT, ...DERIVED]) fs.rmSync(path.join(folder, name), { force: true })
    for (const name of FILES) {
      const [from, to] = [path.join(staged, name), path.join(folder, name)]
      if (fs.existsSync(from)) fs.renameSync(from, to)
      else fs.rmSync(to, { force: true })
    }
    fs.rmSync(staged, { recursive: true, force: true })
  } catch (cause) {
    throw diskError(cause, folder, 0)
  }
}
