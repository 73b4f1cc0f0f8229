/** The forms of one bundle: written, proven, and what their code is. */
import { PareError } from '../../../contract/errors'
import { formatBytes } from '../../../contract/format'
import type { BundlePlan } from '../../../contract/project'
import type { Dataset } from '../../data/dataset'
import { deflatedBytes } from '../../evaluate/size'
import type { Model } from '../../onnx'
import type { BundleFiles } from '../files'
import type { Golden } from '../golden'
import type { Manifest } from '../manifest'
import { snippetContext } from '../snippets/context'
import { formCheck, type ExportForm, type Snippet, type WriteOptions, type WrittenForm } from './form'
import type { Verification } from './verification'

export interface StagedForm {
  form: ExportForm
  written: WrittenForm
}

type Checks = BundlePlan['checks']

/** Throws `export/no-form` where the model can be had in none of them, and what their `write` throws. */
export async function writeForms(
  forms: readonly ExportForm[],
  model: Model,
  files: BundleFiles,
  options: WriteOptions,
  before: (index: number) => void,
): Promise<{ forms: StagedForm[]; checks: Checks }> {
  const staged: StagedForm[] = []
  const checks: Checks = []
  for (const [i, form] of forms.entries()) {
    before(i)
    const written = await form.write(model, files, options)
    if ('reason' in written) checks.push(...formCheck(form, written))
    else staged.push({ form, written })
  }
  if (staged.length > 0) return { forms: staged, checks }
  throw new PareError('export/no-form', { reason: checks.map(({ message }) => message).join(' ') })
}

/** One verification a form, in their order. Throws what their `verify` throws. */
export async function proveForms(
  forms: readonly StagedForm[],
  files: BundleFiles,
  golden: Golden,
  signal?: AbortSignal,
): Promise<{ verifications: Verification[]; checks: Checks }> {
  const verifications: Verification[] = []
  for (const { form, written } of forms) {
    signal?.throwIfAborted()
    verifications.push(await form.verify(written, files, golden))
  }
  return { verifications, checks: verifications.flatMap((one, i) => formCheck(forms[i]!.form, one)) }
}

export interface WeighedForm extends StagedForm {
  /** Compressed size of what an app must have to run it. */
  downloadBytes: number
}

/** Throws `cancelled`. */
export async function weighForms(
  forms: readonly StagedForm[],
  files: BundleFiles,
  signal?: AbortSignal,
): Promise<WeighedForm[]> {
  const weighed: WeighedForm[] = []
  for (const one of forms) {
    const parts = one.written.download.map((name) => files.path(name))
    weighed.push({ ...one, downloadBytes: await deflatedBytes(parts, signal) })
  }
  return weighed
}

/** Further above the size that the bundle promises no form's code may load it where an earlier form has code too. */
const PROMISED = 1.1

/**
 * One a language, of the last form that has code for it and is as small as the first, whose size the bundle promises:
 * optimizing may unpack weights. A form that is passed over for that is told.
 */
export function snippetsOf(
  forms: readonly WeighedForm[],
  manifest: Manifest,
  dataset: Dataset | undefined,
): { snippets: Snippet[]; checks: Checks } {
  const { preprocessing, form } = dataset ?? {}
  const context = snippetContext(manifest, { preprocessing, form: form?.inputs })
  const byLanguage = new Map<string, Snippet>()
  const checks: Checks = []
  const [first] = forms
  for (const { form, written, downloadBytes } of forms) {
    const snippets = form.snippets({ ...context, file: written.model.file })
    const large = downloadBytes > PROMISED * first!.downloadBytes
    const passedOver = snippets.filter(({ language }) => large && byLanguage.has(language))
    for (const snippet of snippets)
      if (!passedOver.includes(snippet)) byLanguage.set(snippet.language, snippet)
    if (passedOver.length > 0)
      checks.push({
        ok: true,
        severity: 'info',
        message:
          `${form.title} takes ${formatBytes(downloadBytes)} to download, ${first!.form.title} ${formatBytes(first!.downloadBytes)}: ` +
          `optimizing unpacks weights. The code loads ${first!.form.title}.`,
      })
  }
  return { snippets: [...byLanguage.values()], checks }
}
