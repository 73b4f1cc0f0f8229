/**
 * A candidate's files change as one. The new ones are written into a folder beside the old; renaming that folder decides.
 * From then on they are put in place one by one, and `candidateParts` finds what belongs to the model that lies there,
 * old or new, at any moment and after a kill at any moment; the next run finishes what was left. The old report goes
 * first and the new one comes last, so that to whoever looks at names alone a report is never beside another's model.
 */
import fs from 'node:fs'
import path from 'node:path'
import { onDisk } from '../../contract/errors'
import { writeJson } from '../../disk/write'
import { syncFolder, readJson } from './files'

const REPORT = 'report.json'
const MODEL = 'model.onnx'
/** Weights of a model of 2 GiB and more, which names them so. */
const WEIGHTS = 'model.onnx.data'
const FILES = [WEIGHTS, MODEL, 'recipe.json', 'data-spec.json', 'samples.json', REPORT]
/** Made from the files above, by whoever shows them. */
const DERIVED = ['report.html', 'search.json']

const STAGED = '.new'
/** The staged folder once it counts. */
const DECIDED = '.placing'
/** In it: names of the candidate's files, and the report of the one before. */
const LIST = 'files.json'
const OLD_REPORT = 'report.old.json'

/** Absolute paths of a candidate's files that are there; the model first. */
export const candidateFiles = (folder: string): string[] =>
  [MODEL, ...FILES.filter((name) => name !== MODEL)]
    .map((name) => path.join(folder, name))
    .filter((file) => fs.existsSync(file))

/** A fresh folder to write the files into, inside the one they will lie in. Throws `disk/*`. */
export function stageCandidate(folder: string): string {
  settleCandidate(folder)
  const staged = path.join(folder, STAGED)
  onDisk(staged, () => {
    fs.rmSync(staged, { recursive: true, force: true })
    fs.mkdirSync(staged, { recursive: true })
  })
  return staged
}

/** Takes away what an earlier run left there; the folder too where nothing else lies in it. Throws `disk/*`. */
export function removeCandidate(folder: string): void {
  settleCandidate(folder)
  if (!fs.existsSync(path.join(folder, REPORT))) return
  onDisk(folder, () => {
    for (const name of [REPORT, ...DERIVED, ...FILES]) fs.rmSync(path.join(folder, name), { force: true })
    if (fs.readdirSync(folder).length === 0) fs.rmdirSync(folder)
  })
}

/** Puts staged files in place of the candidate that was there. Throws `disk/*`. */
export function placeCandidate(staged: string, folder: string): void {
  writeJson(path.join(staged, LIST), fs.readdirSync(staged))
  onDisk(folder, () => {
    syncFolder(staged)
    fs.renameSync(staged, path.join(folder, DECIDED))
    syncFolder(folder)
  })
  settleCandidate(folder)
}

/** Finishes what a run that was killed had decided; only for who holds the folder. Throws `disk/*`. */
export function settleCandidate(folder: string): void {
  const decided = path.join(folder, DECIDED)
  if (!fs.existsSync(decided)) return
  const listed = readJson(path.join(decided, LIST))
  onDisk(folder, () => {
    // Without a list all is in place, and its removal was cut off.
    if (Array.isArray(listed)) place(decided, folder, listed)
    fs.rmSync(decided, { recursive: true, force: true })
  })
}

/** Every step may have been done before. */
function place(decided: string, folder: string, listed: readonly unknown[]): void {
  const waits = (name: string): boolean => fs.existsSync(path.join(decided, name))
  const remove = (name: string): void => fs.rmSync(path.join(folder, name), { force: true })
  const move = (name: string): void => {
    if (waits(name)) fs.renameSync(path.join(decided, name), path.join(folder, name))
    else if (!listed.includes(name)) remove(name)
  }
  // While the new report waits, the one in the folder is the old one.
  if (waits(REPORT) && fs.existsSync(path.join(folder, REPORT)))
    fs.renameSync(path.join(folder, REPORT), path.join(decided, OLD_REPORT))
  for (const name of DERIVED) remove(name)
  // Two files cannot change at once: a model must not be read with the weights of another.
  if (waits(MODEL) && (waits(WEIGHTS) || fs.existsSync(path.join(folder, WEIGHTS)))) remove(MODEL)
  for (const name of FILES) move(name)
}

/** What lies beside a model, as parsed JSON; undefined where it is missing or damaged. */
interface CandidateParts {
  report: unknown
  recipe: unknown
}

/** What belongs to the model in a folder, by the report that `describes` it; undefined where none does. */
export function candidateParts(
  folder: string,
  describes: (report: unknown) => boolean,
): CandidateParts | undefined {
  const decided = path.join(folder, DECIDED)
  const fits = (file: string): unknown => {
    const report = readJson(file)
    return describes(report) ? report : undefined
  }
  const recipeIn = (place: string): unknown => readJson(path.join(place, 'recipe.json'))
  const coming = fits(path.join(decided, REPORT))
  if (coming) return { report: coming, recipe: recipeIn(decided) ?? recipeIn(folder) }
  const report = fits(path.join(folder, REPORT)) ?? fits(path.join(decided, OLD_REPORT))
  return report ? { report, recipe: recipeIn(folder) } : undefined
}
