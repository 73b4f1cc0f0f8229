/** What decides a result besides the steps, as one key: equal keys are equal work, in any run, on any day. */
import { createHash } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { version } from '../../../package.json'
import type { Dataset } from '../data/dataset'
import { fingerprint } from '../data/fingerprint'
import { isCharacterList } from '../data/formats'
import { readModel } from '../onnx'
import { hashFile } from '../onnx/hash-file'
import type { SessionOptions } from '../runtime'
import type { Target } from '../targets/target'
import { stampOfAll } from './unchanged'

export interface BasisOf {
  original: string
  data: Dataset
  /** How splits that Pare made were drawn, and a tokenizer that was named: the data itself does not tell. */
  asked?: { splits?: unknown; tokenizer?: string }
  session: SessionOptions
  target: Target
  seed: number
}

/** SHA-256 of a model's file and of the files its weights lie in. */
export function hashModel(file: string): string {
  const parts = [file, ...readModel(file).externalFiles].map(hashFile)
  return createHash('sha256').update(parts.join()).digest('hex')
}

/** Files that are read beside a single file of data. */
function besides(file: string): string[] {
  if (fs.statSync(file, { throwIfNoEntry: false })?.isFile() !== true) return []
  const folder = path.dirname(file)
  const names = fs.readdirSync(folder).filter((name) => name === 'tokenizer.json' || isCharacterList(name))
  return names.sort().map((name) => path.join(folder, name))
}

/**
 * Contents of the data, wherever it lies; of what is too large to be read whole also when its files were written.
 * `except` are folders in it that a run writes to.
 */
async function contentsOf(
  { kind, path: place, form }: Dataset,
  tokenizer: string | undefined,
  except: readonly string[],
): Promise<string[]> {
  if (kind === 'random' || !fs.existsSync(place)) return [place]
  const own = await fingerprint(place, except)
  const exact = own.startsWith('sampled:') ? [stampOfAll(place, except) ?? ''] : []
  const others = [form?.tokenizer, tokenizer, ...besides(place)].filter((file) => file !== undefined)
  return [own, ...exact, ...others.map(hashFile)]
}

/**
 * Whether all that is read lies where the data does, so that its contents tell it from other data. Lists of pictures name
 * files anywhere, and links lead there.
 */
export function isTold({ kind, path: place }: Dataset): boolean {
  const stat = fs.statSync(place, { throwIfNoEntry: false })
  if (kind === 'random' || !stat) return true
  if (!stat.isDirectory()) return kind !== 'images'
  const entries = fs.readdirSync(place, { recursive: true, withFileTypes: true })
  return !entries.some((entry) => entry.isSymbolicLink() || /\.ya?ml$/i.test(entry.name))
}

/** `except`: folders in the data that are written to. */
export async function basisOf(
  { original, data, asked = {}, session, target, seed }: BasisOf,
  except: readonly string[] = [],
): Promise<string> {
  const { notes: _, ...spec } = data.spec
  const lengths = Object.values(data.splits).map(({ length, origin }) => [length, origin])
  const contents = await contentsOf(data, asked.tokenizer, except)
  const drawn = [spec, lengths, asked.splits ?? null]
  const parts = [version, hashModel(original), data.kind, contents, drawn, session.providers, target.id, seed]
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex')
}
