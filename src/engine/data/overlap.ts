/** Finds samples that are in more than one split: what was trained on proves nothing. */
import { createHash } from 'node:crypto'
import { SPLITS, type SplitName } from '../../contract/dataset'
import type { Source } from './source'
import type { Part, Parts } from './splits'

/** Only sets that are read in a moment are looked through. */
const BYTES_LIMIT = 96 * 2 ** 20
const SAMPLES_LIMIT = 50_000
const CHUNK = 256

interface Overlap {
  judged: SplitName
  /** For the person. */
  sentence: string
}

/** None where all is well or the set is too large to ask. */
export async function overlaps(parts: Parts, signal?: AbortSignal): Promise<Overlap[]> {
  const own = SPLITS.filter((name) => parts[name].origin !== 'shared')
  const sources = new Set(own.map((name) => parts[name].source))
  const hashes = new Map<Source, string[]>()
  let bytes = 0
  for (const source of sources) {
    if (!source.identity || source.length > SAMPLES_LIMIT) return []
    const [first] = await source.identity([0])
    bytes += (first?.length ?? 0) * source.length
    if (bytes > BYTES_LIMIT) return []
    hashes.set(source, await hashAll(source, signal))
  }
  const contents = new Map(own.map((name) => [name, hashesOf(parts[name], hashes)]))
  return pairs(own).flatMap(([judged, other]) => {
    const known = new Set(contents.get(other))
    const shared = contents.get(judged)!.filter((hash) => known.has(hash)).length
    return shared > 0 ? [{ judged, sentence: sentence(shared, judged, other) }] : []
  })
}

function pairs(names: readonly SplitName[]): [SplitName, SplitName][] {
  const all: [SplitName, SplitName][] = [
    ['validation', 'training'],
    ['validation', 'calibration'],
    ['calibration', 'training'],
  ]
  return all.filter((pair) => pair.every((name) => names.includes(name)))
}

function sentence(count: number, judged: SplitName, other: SplitName): string {
  const what = `${count} ${judged} ${count === 1 ? 'sample is' : 'samples are'} also in ${other}`
  return judged === 'validation' && other === 'training'
    ? `${what}: scores after training may look better than they are.`
    : `${what}.`
}

async function hashAll(source: Source, signal?: AbortSignal): Promise<string[]> {
  const hashes: string[] = []
  for (let from = 0; from < source.length; from += CHUNK) {
    signal?.throwIfAborted()
    const indices = Array.from({ length: Math.min(CHUNK, source.length - from) }, (_, i) => from + i)
    for (const bytes of await source.identity!(indices))
      hashes.push(createHash('sha256').update(bytes).digest('base64'))
  }
  return hashes
}

function hashesOf({ source, order }: Part, hashes: ReadonlyMap<Source, string[]>): string[] {
  const all = hashes.get(source)!
  return order ? Array.from(order, (index) => all[index]!) : all
}
