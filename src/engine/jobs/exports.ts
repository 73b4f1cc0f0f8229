/** Jobs that write what leaves Pare: bundles and reports. */
import { htmlReport } from '../evaluate/html'
import { exportBundle, planBundle, type BundleRequest } from '../export/bundle'
import { recordBeside } from '../run/record'
import { findTarget } from '../targets'
import { withData } from './data'
import type { JobContext, JobHandlers } from './job'
import type { ExportRequest } from './protocol'

/** Without data golden inputs are random, and the bundle says nothing of preprocessing or labels. */
function withRequest<T>(
  { model, data, target, settings: _, ...about }: ExportRequest,
  { progress, signal }: JobContext,
  use: (request: BundleRequest) => Promise<T>,
  out?: string,
): Promise<T> {
  const { tokenizer } = data
  const { made, data: measuredOn } = (about.report && recordBeside(model)) ?? {}
  const request = {
    ...about,
    ...(made && { measured: { ...made, ...(measuredOn && { data: measuredOn }) } }),
    target: findTarget(target),
    model,
    progress,
    signal,
    ...(tokenizer && { tokenizer }),
  }
  if (data.path === undefined) return use(request)
  return withData(model, data, (dataset, same) => use({ ...request, dataset, same }), undefined, [out])
}

export const exportJobs: JobHandlers<'exportPlan' | 'exportBundle' | 'htmlReport'> = {
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
