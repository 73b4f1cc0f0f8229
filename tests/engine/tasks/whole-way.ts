/** What every task goes through: from samples over a candidate and what is seen of it to a bundle that proves itself. */
import path from 'node:path'
import { expect } from 'vitest'
import type { SampleView, ViewOf } from '../../../src/contract/sample-views'
import type { Dataset } from '../../../src/engine/data/dataset'
import { measureQuality } from '../../../src/engine/evaluate/quality'
import { sampleDetail } from '../../../src/engine/evaluate/sample-detail'
import { exportBundle } from '../../../src/engine/export/bundle'
import { verifyBundle } from '../../../src/engine/export/verify'
import { writeModel, type Model } from '../../../src/engine/onnx'
import { float16 } from '../../../src/engine/passes/float16'
import { findTarget } from '../../../src/engine/targets'
import { temporaryFolder } from '../data/support'
import { contextOf } from '../training/support'

/** Views of sample `index` are those of the original and of the same model in half precision, whose bundle is given. */
export async function wholeWay(model: Model, dataset: Dataset, index = 0) {
  const folder = temporaryFolder()
  const [file, small] = ['whole', 'half'].map((name) => path.join(folder, `${name}.onnx`)) as [string, string]
  writeModel(model, file)
  writeModel((await float16.run(model, {}, contextOf(model, dataset))).model, small)
  const { original, candidates } = await measureQuality(file, [small], { dataset })
  const detail = await sampleDetail({
    dataset,
    index,
    models: [
      { name: 'Original', model: file },
      { name: 'Half', model: small },
    ],
    row: { index, original: { answer: '', score: 0 }, candidates: [] },
  })
  const request = { model: small, name: 'half', target: findTarget('any'), dataset }
  const { path: bundle } = await exportBundle(request, { form: 'folder', out: path.join(folder, 'bundle') })
  const { manifest, checks } = await verifyBundle(bundle)
  expect(checks.length).toBeGreaterThan(1)
  expect(checks.filter(({ ok }) => !ok)).toEqual([])
  return { files: [file, small], original, candidate: candidates[0]!, detail, bundle, manifest }
}

type Views = Awaited<ReturnType<typeof wholeWay>>['detail']['outputs']

/** The views, all of this kind. */
export const viewsOf = <Kind extends SampleView['kind']>(views: Views, kind: Kind): ViewOf<Kind>[] =>
  views.map(({ view }) => {
    expect(view.kind).toBe(kind)
    return view as ViewOf<Kind>
  })
