/** What an export form declares: a way to write a model down, to prove it, and to use it. */
import type { BundlePlan } from '../../../contract/project'
import type { Footprint } from '../../../contract/report'
import type { Model } from '../../onnx'
import type { Board } from '../../targets/board'
import type { BundleFiles } from '../files'
import type { Golden } from '../golden'
import type { Manifest } from '../manifest'
import type { SnippetContext } from '../snippets/context'
import type { Verification } from './verification'

export interface WriteOptions {
  /** How far the graph may be optimized: levels whose result does not depend on the processor. */
  optimization: 'basic' | 'extended'
  /** Where its code runs, if that is a microcontroller. */
  board?: Board
  /** C sources as a library of Arduino. */
  arduino?: boolean
  /** C sources call CMSIS-NN where it has a kernel. */
  cmsis?: boolean
}

export interface WrittenForm {
  /** What the manifest says of it; its file is the one programs open. */
  model: Omit<Manifest['models'][number], 'format' | 'bytes' | 'sha256'>
  /** Names of the files an app must have to run it. */
  download: string[]
}

type Taken = Omit<Extract<Footprint, { flashBytes: number }>, 'target'>

/** A sentence on why the model cannot be had in this form. */
interface UnwrittenForm {
  reason: string
}

export interface Snippet {
  language: string
  title: string
  /** For the fence of a code block. */
  fence: string
  code: string
}

export interface ExportForm {
  id: string
  title: string
  /** What it is for, as the list of files says it. */
  purpose: string
  /** What writes it in another order each time: the same model is not the same bytes twice. */
  orderedBy?: string
  /** Adds its files. Throws `disk/*`; what the model's operators do not allow is a reason. */
  write(model: Model, files: BundleFiles, options: WriteOptions): Promise<WrittenForm | UnwrittenForm>
  /** What it takes on a board, for forms of which code runs there. */
  footprint?(model: Model, board: Board): Promise<Taken | UnwrittenForm>
  /** Runs the written files on the golden inputs, by the runtime they are for. */
  verify(written: WrittenForm, files: BundleFiles, golden: Golden): Promise<Verification>
  /** Code for the languages it is used from; a later form's stands for an earlier one's of the same language. */
  snippets(context: SnippetContext): Snippet[]
  /** Code that checks a device by golden/ and the manifest; `file` as in `WrittenForm.model`. */
  selfCheck?(file: string): Omit<Snippet, 'language'>
  /** Sections of README.md, headings included. */
  sections?(written: WrittenForm): string[]
}

/** Throws an Error where the id could not stand in a file or a command. */
export function defineForm(form: ExportForm): ExportForm {
  if (!/^[a-z][a-z0-9-]*$/.test(form.id)) throw new Error(`"${form.id}" cannot be the id of a form`)
  return form
}

/** What the plan says of a form that is missing or not proven. */
export function formCheck(form: ExportForm, result: Verification | UnwrittenForm): BundlePlan['checks'] {
  if (!('verdict' in result))
    return [{ ok: false, severity: 'warning', message: `No ${form.title}: ${result.reason}` }]
  if (result.verdict === 'proven') return []
  const severity = result.verdict === 'differs' ? 'error' : 'warning'
  return [{ ok: false, severity, message: `${form.title} is not proven: ${result.reason}` }]
}
