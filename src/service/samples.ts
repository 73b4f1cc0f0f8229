/** The samples that ship with Pare: `resources/samples/<id>/sample.json` with a model and data beside it. */
import fs from 'node:fs'
import path from 'node:path'
import { z } from 'zod'
import type { SampleInfo } from '../contract/app'
import { PareError } from '../contract/errors'

const Sample = z.object({
  title: z.string(),
  description: z.string(),
  /** Relative to its folder. */
  model: z.string(),
  data: z.string(),
})

export interface BuiltInSample extends SampleInfo {
  /** Absolute. */
  model: string
  data: string
}

export function listSamples(resourcesDir: string): BuiltInSample[] {
  const root = path.join(resourcesDir, 'samples')
  if (!fs.existsSync(root)) return []
  return fs
    .readdirSync(root)
    .sort()
    .flatMap((id): BuiltInSample[] => {
      const file = path.join(root, id, 'sample.json')
      if (!fs.existsSync(file)) return []
      const { title, description, model, data } = Sample.parse(JSON.parse(fs.readFileSync(file, 'utf8')))
      return [{ id, title, description, model: path.join(root, id, model), data: path.join(root, id, data) }]
    })
}

export function findSample(resourcesDir: string, id: string): BuiltInSample {
  const sample = listSamples(resourcesDir).find((one) => one.id === id)
  if (!sample) throw new PareError('not-found', { what: 'sample', id })
  return sample
}
