/** Jobs that write what leaves Pare: bundles and reports. */
import fs from 'node:fs'
import path from 'node:path'
import { PareError } from '../../contract/errors'
import { htmlReport } from '../evaluate/html'
import { footprintOn } from '../export/footprint'
import { FORMS } from '../export/forms'
import { verifyBundle } from '../export/verify'
import { readModel } from '../onnx'
import { temporaryFolder } from '../onnx/temporary'
import { exportBundle, planBundle, type BundleRequest } from '../export/bundle'
import { recordBeside } from '../run/record'
import { findTarget } from '../targets'
import { withRam } from '../targets/target'
import { withData } from './data'
import { dataJobs } from './datasets'
import type { JobContext, JobHandlers } from './job'
import type { ExportRequest } from './protocol'

/** Without data golden inputs are random, and the bundle says nothing of preprocessing or labels. */
function withRequest<T>(
  { model, data, target, maxRam, settings: _, ...about }: ExportRequest,
  { progress, signal }: JobContext,
  use: (request: BundleRequest) => Promise<T>,
  out?: string,
): Promise<T> {
  const { tokenizer } = data
  const { made, data: measuredOn } = (about.report && recordBeside(model)) ?? {}
  const request = {
    ...about,
    ...(made && { measured: { ...made, ...(measuredOn && { data: measuredOn }) } }),
    target: withRam(findTarget(target), maxRam),
    model,
    progress,
    signal,
    ...(tokenizer && { tokenizer }),
  }
  if (data.path === undefined) return use(request)
  return withData(model, data, (dataset, same) => use({ ...request, dataset, same }), undefined, [out])
}

/** The folder of a bundle, unpacked where it is a zip. Throws `data/not-found`. */
async function unpacked<T>(
  bundle: string,
  context: JobContext,
  use: (folder: string) => Promise<T>,
): Promise<T> {
  if (!fs.existsSync(bundle)) throw new PareError('data/not-found', { path: bundle })
  if (fs.statSync(bundle).isDirectory()) return use(bundle)
  const place = temporaryFolder('verify')
  try {
    return await use(
      (await dataJobs.unpack({ archive: bundle, into: path.join(place, 'bundle') }, context)).folder,
    )
  } finally {
    fs.rmSync(place, { recursive: true, force: true })
  }
}

export const exportJobs: JobHandlers<
  'exportPlan' | 'exportBundle' | 'verifyBundle' | 'htmlReport' | 'footprint'
> = {
  footprint: async ({ model, target, maxRam }) => ({
    footprint: await footprintOn(readModel(model), withRam(findTarget(target), maxRam)),
  }),
  verifyBundle: ({ bundle }, context) =>
    unpacked(bundle, context, async (folder) => {
      const { manifest, checks } = await verifyBundle(folder, context.progress)
      const { name, target, recipe, models, answer } = manifest
      return {
        name,
        target,
        ...(recipe && { recipe }),
        models: models.map(({ file, sha256, format }) => {
          const orderedBy = FORMS.find(({ id }) => id === format)?.orderedBy
          return { file, sha256, ...(orderedBy && { orderedBy }) }
        }),
        embedded: answer.class !== undefined,
        checks,
      }
    }),
  htmlReport: (input) => htmlReport(input),
  exportPlan: (input, context) => withRequest(input, context, planBundle),
  exportBundle: ({ form, out, overwrite, ...input }, context) =>
    withRequest(
      input,
      context,
      async (request) => {
        const { files, ...written } = await exportBundle(request, { form, out, overwrite })
        return { ...written, target: request.target.id, files: files.map(({ name }) => name) }
      },
      out,
    ),
}
