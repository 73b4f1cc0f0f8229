/** Searches by the command line, of this build or of another, judged alike: what each found is compared by this one. */
import { execFile } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import { pointsLost } from '../../src/contract/points'
import type { Report } from '../../src/contract/report'
import type { SearchResult } from '../../src/contract/trial'
import { folderOf } from '../../suite/support/by-python'
import { TRANSFORMERS } from '../../suite/support/transformers'

export const THIS = path.resolve('scripts/pare.mjs')
export const MAX_DROP = 1

export interface Searched extends Pick<SearchResult, 'trials' | 'originalDownloadBytes'> {
  /** Bytes, and points lost on all validation samples; absent where nothing was inside the limit. */
  winner?: { downloadBytes: number; lost: number }
}

type Judged = Pick<Report, 'downloadBytes' | 'quality'>

const run = promisify(execFile)
const OUTPUT = { maxBuffer: 2 ** 28 }

/** Models of others that come with data: no constant of the search was fitted on them. */
export const USUAL = ['ocr_cls', 'oww_jarvis', 'oww_embed', 'dtln_2', 'silero_ifless']

/** A model of the zoo or of the suite's transformers, with its data. Throws where there is none of that name. */
export function unseen(name: string): { model: string; data: string } {
  for (const root of [path.resolve('../shared/zoo'), folderOf(TRANSFORMERS)]) {
    const model = path.join(root, 'models', `${name}.onnx`)
    const data = path.join(root, 'data', `${name}.npz`)
    if (fs.existsSync(model) && fs.existsSync(data)) return { model, data }
  }
  throw new Error(`There is no model with data called ${name} in ../shared/zoo.`)
}

interface Search {
  model: string
  data: string
  minutes: number
  /** Points; default `MAX_DROP`. */
  maxDrop?: number
  /** Of the command line. */
  options?: readonly string[]
}

/** What `pare search` of the build at `pare` finds. */
export async function searched(
  pare: string,
  { model, data, minutes, maxDrop = MAX_DROP, options = [] }: Search,
): Promise<Searched> {
  const out = path.join(fs.mkdtempSync(path.join(os.tmpdir(), 'pare-bench-')), 'out')
  const limits = ['--max-drop', String(maxDrop), '--minutes', String(minutes)]
  try {
    await run(
      process.execPath,
      [pare, 'search', model, '--data', data, ...limits, ...options, '--out', out],
      OUTPUT,
    ).catch((error: unknown) => {
      // 3: nothing was inside the limit.
      if ((error as { code?: unknown }).code !== 3) throw error
    })
    const { trials, originalDownloadBytes } = JSON.parse(
      fs.readFileSync(path.join(out, 'search.json'), 'utf8'),
    ) as SearchResult
    const file = path.join(out, 'model.onnx')
    if (!fs.existsSync(file)) return { trials, originalDownloadBytes }
    const { stdout } = await run(
      process.execPath,
      [THIS, 'compare', model, file, '--data', data, '--json'],
      OUTPUT,
    )
    const { original, candidate } = JSON.parse(stdout) as Record<'original' | 'candidate', Judged>
    const lost = pointsLost(original.quality, candidate.quality)
    return { trials, originalDownloadBytes, winner: { downloadBytes: candidate.downloadBytes, lost } }
  } finally {
    fs.rmSync(path.dirname(out), { recursive: true, force: true })
  }
}
