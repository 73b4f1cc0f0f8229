/** The forms of one bundle: written, proven, and what their code is. */
import type { Preprocessing } from '../../../contract/dataset'
import { PareError } from '../../../contract/errors'
import type { BundlePlan } from '../../../contract/project'
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

/** One a language, of the last form that has code for it. */
export function snippetsOf(
  forms: readonly StagedForm[],
  manifest: Manifest,
  preprocessing: Preprocessing | undefined,
): Snippet[] {
  const context = snippetContext(manifest, preprocessing)
  const byLanguage = new Map<string, Snippet>()
  for (const { form, written } of forms)
    for (const snippet of form.snippets({ ...context, file: written.model.file }))
      byLanguage.set(snippet.language, snippet)
  return [...byLanguage.values()]
}
