/** The samples that ship with Pare: `resources/samples/<id>/sample.json` with a model, data and where needed a data spec beside it. */
import fs from 'node:fs'
import path from 'node:path'
import { z } from 'zod'
import type { SampleInfo } from '../contract/app'
import type { DataSpec } from '../contract/dataset'
import { Goal } from '../contract/goal'
import { PareError } from '../contract/errors'
import { readSpec, SPEC_FILE } from './data-spec'

const Sample = z.object({
  /** Place in lists; the first is what “Try the sample” opens. */
  order: z.number(),
  title: z.string(),
  description: z.string(),
  shows: z.string(),
  /** What its project begins with. */
  goal: Goal,
  /** Relative to its folder. */
  model: z.string(),
  data: z.string(),
})

interface BuiltInSample extends Omit<SampleInfo, 'picture' | 'minutes'> {
  goal: Goal
  /** Absolute; an SVG file. */
  picture: string
  /** Absolute. */
  model: string
  data: string
  /** How the data is read, where that is not recognised. */
  spec?: DataSpec
}

export function listSamples(resourcesDir: string): BuiltInSample[] {
  const root = path.join(resourcesDir, 'samples')
  if (!fs.existsSync(root)) return []
  return fs
    .readdirSync(root)
    .map((id) => ({ id, file: path.join(root, id, 'sample.json') }))
    .filter(({ file }) => fs.existsSync(file))
    .map(({ id, file }) => ({ id, ...Sample.parse(JSON.parse(fs.readFileSync(file, 'utf8'))) }))
    .sort((a, b) => a.order - b.order)
    .map(({ id, title, description, shows, goal, model, data }) => ({
      id,
      title,
      description,
      shows,
      goal,
      picture: path.join(root, id, 'picture.svg'),
      model: path.join(root, id, model),
      data: path.join(root, id, data),
      ...specIn(path.join(root, id, SPEC_FILE)),
    }))
}

const specIn = (file: string): { spec?: DataSpec } => (fs.existsSync(file) ? { spec: readSpec(file) } : {})

export function findSample(resourcesDir: string, id: string): BuiltInSample {
  const sample = listSamples(resourcesDir).find((one) => one.id === id)
  if (!sample) throw new PareError('not-found', { what: 'sample', id })
  return sample
}

const drawn = (file: string): string =>
  `data:image/svg+xml;base64,${fs.readFileSync(file).toString('base64')}`

/** As the window shows them. */
export const sampleInfos = (resourcesDir: string): SampleInfo[] =>
  listSamples(resourcesDir).map(({ id, title, description, shows, goal, picture }) => ({
    id,
    title,
    description,
    shows,
    minutes: goal.kind === 'search' ? goal.minutes : 1,
    picture: drawn(picture),
  }))
