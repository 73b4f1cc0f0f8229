/** The one table that turns error data into what happened, where, and what to do. */
import type { ErrorCode, ErrorData, ErrorFields } from './errors'

export interface Message {
  /** What happened, one sentence. */
  what: string
  /** The file, layer or place; absent where there is none. */
  where?: string
  /** What to do next. */
  todo: string
}

type Table = { [C in ErrorCode]: (fields: ErrorFields[C]) => Message }

const megabytes = (bytes: number): string => `${Math.max(1, Math.round(bytes / 1e6))} MB`

const table: Table = {
  'model/not-onnx': ({ file, reason }) => ({
    what: `This is not an ONNX model: ${reason}.`,
    where: file,
    todo: 'Export your model to ONNX (torch.onnx.export, tf2onnx, skl2onnx) and open the .onnx file.',
  }),
  'model/truncated': ({ file, at }) => ({
    what: `The model file ends too early, at byte ${at}.`,
    where: file,
    todo: 'It was probably not copied or downloaded whole. Get it again and open the new copy.',
  }),
  'model/changed-on-disk': ({ file }) => ({
    what: 'The model file was changed on disk since it was opened.',
    where: file,
    todo: 'Open it again, so that every number belongs to the same file.',
  }),
  'model/external-data-missing': ({ file, tensor }) => ({
    what: `Weights of “${tensor}” are kept in a second file that is not there.`,
    where: file,
    todo: 'Put the data file beside the model, or open the folder that holds both.',
  }),
  'model/external-data-escapes': ({ file, tensor, location }) => ({
    what: `Weights of “${tensor}” point outside the model's folder (${location}). Pare does not follow that.`,
    where: file,
    todo: 'Save the model with its data file beside it.',
  }),
  'model/unsupported-op': ({ op, domain, node, by }) => ({
    what: `${by} cannot work with the operator ${domain ? `${domain}.` : ''}${op}.`,
    where: `node ${node}`,
    todo: 'Leave this pass out, or export the model without that operator.',
  }),
  'model/invalid': ({ file, reason }) => ({
    what: `The model breaks the ONNX rules: ${reason}.`,
    where: file,
    todo: 'Export it again, with a newer exporter if there is one.',
  }),
  'model/not-loadable': ({ file, reason }) => ({
    what: `ONNX Runtime cannot load this model: ${reason}.`,
    where: file,
    todo: 'Check that it runs elsewhere; if it uses custom operators, export it without them.',
  }),
  'model/opset-too-old': ({ opset, needed, op, by }) => ({
    what: `${by} needs opset ${needed} for ${op}; the model has opset ${opset}.`,
    todo: `Export the model again with opset ${needed} or newer, or leave this pass out.`,
  }),
  'model/nothing-to-do': ({ by, reason }) => ({
    what: `${by} found nothing to do: ${reason}.`,
    todo: 'Leave this pass out, or choose other layers.',
  }),
  'model/non-finite': ({ tensor, by }) => ({
    what: `After ${by} the model gives values that are not finite.`,
    where: `tensor ${tensor}`,
    todo: 'Leave the layers around it in float, or use a gentler setting.',
  }),
  'data/not-found': ({ path }) => ({
    what: 'The data is not where it was.',
    where: path,
    todo: 'Open it again from where it is now.',
  }),
  'data/unreadable': ({ path, reason }) => ({
    what: `The data cannot be read: ${reason}.`,
    where: path,
    todo: 'Mend or remove that file and open the data again.',
  }),
  'data/unrecognised': ({ path, expected }) => ({
    what: 'Pare does not recognise this as a dataset.',
    where: path,
    todo: `It reads ${expected}.`,
  }),
  'data/empty': ({ path }) => ({
    what: 'There are no samples in it.',
    where: path,
    todo: 'Choose a folder or file that holds samples.',
  }),
  'data/shape-mismatch': ({ input, expected, got }) => ({
    what: `The samples do not fit the model: input “${input}” takes ${expected}, the data gives ${got}.`,
    where: `input ${input}`,
    todo: 'Choose the data this model was trained for, or change the preprocessing.',
  }),
  'data/labels-out-of-range': ({ label, classes }) => ({
    what: `The label ${label} does not fit a model with ${classes} classes.`,
    todo: 'Check the label column or folder names; labels count from 0.',
  }),
  'data/labels-missing': ({ by }) => ({
    what: `${by} needs labels, and the data has none.`,
    todo: 'Add labels (a folder per class, or a label column), or leave this pass out.',
  }),
  'data/split-missing': ({ split, by }) => ({
    what: `${by} needs ${split} samples, and there are none.`,
    todo: 'Give that split a share of the data in the Data step.',
  }),
  'pass/unknown': ({ pass, known }) => ({
    what: `There is no pass called “${pass}”.`,
    todo: `Known passes: ${known.join(', ')}.`,
  }),
  'pass/bad-parameter': ({ pass, parameter, reason }) => ({
    what: `${pass}: ${parameter} ${reason}.`,
    where: `parameter ${parameter}`,
    todo: 'Change that value and start again.',
  }),
  'pass/failed': ({ pass, node, reason }) => ({
    what: `${pass} failed: ${reason}.`,
    ...(node ? { where: `node ${node}` } : {}),
    todo: 'Leave this pass out or exclude that layer; what was finished before is kept.',
  }),
  'pass/broke-model': ({ pass, reason }) => ({
    what: `The result of ${pass} did not pass its check and was thrown away: ${reason}.`,
    todo: 'The run went on with the model before it. Leave this pass out or use a gentler setting.',
  }),
  'recipe/invalid': ({ file, reason }) => ({
    what: `This recipe cannot be read: ${reason}.`,
    where: file,
    todo: 'A recipe is the JSON file that Pare exports; check the place that is named.',
  }),
  'provider/unavailable': ({ provider, reason }) => ({
    what: `The device ${provider} cannot be used here: ${reason}.`,
    todo: 'Choose CPU in the settings; it works everywhere.',
  }),
  'engine/crashed': ({ exit, during }) => ({
    what: `The engine process ended unexpectedly (${exit})${during ? ` during ${during}` : ''}. It was started again.`,
    todo: 'Finished candidates are kept. Resume the run from its last finished pass.',
  }),
  'engine/out-of-memory': ({ during }) => ({
    what: `There was not enough memory${during ? ` for ${during}` : ''}. The engine was started again.`,
    todo: 'Close other programs, use fewer calibration samples or smaller batches, then resume.',
  }),
  'disk/full': ({ path, needed }) => ({
    what: `The disk is full: ${megabytes(needed)} more are needed.`,
    where: path,
    todo: 'Make room and resume; nothing finished was lost.',
  }),
  'disk/denied': ({ path }) => ({
    what: 'Pare may not read or write there.',
    where: path,
    todo: 'Choose another place, or change the permissions.',
  }),
  'disk/failed': ({ path, reason }) => ({
    what: `Reading or writing failed: ${reason}.`,
    where: path,
    todo: 'Check the disk and try again.',
  }),
  'export/exists': ({ path }) => ({
    what: 'There is already something with that name.',
    where: path,
    todo: 'Choose to replace it, or save under another name.',
  }),
  'not-found': ({ what, id }) => ({
    what: `The ${what} is not there any more.`,
    where: id,
    todo: 'Go back to all projects and open it again.',
  }),
  'bad-request': ({ method, reason }) => ({
    what: `That could not be understood: ${reason}.`,
    where: method,
    todo: 'Check the values and try again.',
  }),
  cancelled: ({ during }) => ({
    what: during ? `Cancelled during ${during}.` : 'Cancelled.',
    todo: 'Finished candidates are kept; resume or start again when you like.',
  }),
  internal: ({ reason }) => ({
    what: `Something in Pare went wrong: ${reason}.`,
    todo: 'Nothing finished is lost. Copy the details into a bug report, then try again.',
  }),
}

/** Two full stops never meet, whatever the reason ended with. */
const tidy = (text: string): string => text.replace(/([.!?])\s*\.(?=\s|$)/g, '$1')

export function messageOf(error: ErrorData): Message {
  const row = table[error.code] as ((fields: ErrorData) => Message) | undefined
  const message = row ? row(error) : table.internal({ reason: (error as { code: string }).code })
  return { ...message, what: tidy(message.what), todo: tidy(message.todo) }
}

/** One paragraph, for a terminal or a notification. */
export function sentenceOf(error: ErrorData): string {
  const { what, where, todo } = messageOf(error)
  return where && !what.includes(where) ? `${where}: ${what} ${todo}` : `${what} ${todo}`
}
