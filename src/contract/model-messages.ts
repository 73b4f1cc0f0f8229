/** Errors of models as sentences; see messages.ts. */
import type { ErrorCode } from './errors'
import { baseName, formatBytes, list } from './format'
import type { Messages } from './message'

export const MODEL_MESSAGES: Messages<Extract<ErrorCode, `model/${string}`>> = {
  'model/not-onnx': ({ file, reason }) => ({
    title: 'Not an ONNX model',
    what: `“${baseName(file)}” is not an ONNX model: ${reason}.`,
    where: file,
    todo: 'Choose a file that was exported as ONNX, for example with torch.onnx.export.',
  }),
  'model/truncated': ({ file, at }) => ({
    title: 'The model file is cut short',
    what: `“${baseName(file)}” ends in the middle of the model, after ${formatBytes(at)}.`,
    where: file,
    todo: 'The copy or download was probably interrupted. Copy or export the file again.',
  }),
  'model/changed-on-disk': ({ file }) => ({
    title: 'The model file has changed',
    what: `“${baseName(file)}” is no longer what it was when it was opened.`,
    where: file,
    todo: 'Open the model again, so that all figures belong to the same file.',
  }),
  'model/external-data-missing': ({ file, tensor }) => ({
    title: 'Weights are missing',
    what: `The weights of “${tensor}” lie in a file beside the model that is not there: “${baseName(file)}”.`,
    where: file,
    todo: 'Put that file beside the model and open it again; in the window it is enough to drop it too.',
  }),
  'model/external-data-escapes': ({ file, tensor, location }) => ({
    title: 'The model points outside its folder',
    what: `The weights of “${tensor}” are said to lie at “${location}”, outside the model's own folder. Pare does not follow that.`,
    where: file,
    todo: 'Put the data file beside the model, or save the model again with its data in the same folder.',
  }),
  'model/unsupported-op': ({ op, domain, node, by, fused }) => ({
    title: 'An operator is not supported',
    what: `${by} cannot handle the operator ${domain ? `${domain}.` : ''}${op}.`,
    where: node,
    todo: fused
      ? 'Put simplify with “unfuse” before this step: it writes the operator as plain ones.'
      : 'Leave this layer out in the pass options, remove the pass, or export the model without this operator.',
  }),
  'model/invalid': ({ file, reason }) => ({
    title: 'The model is not valid',
    what: `“${baseName(file)}” breaks the rules of ONNX: ${reason}.`,
    where: file,
    todo: 'Export the model again with a current exporter; the ONNX checker names the same problem.',
  }),
  'model/not-loadable': ({ file, reason }) => ({
    title: 'ONNX Runtime cannot load the model',
    what: `ONNX Runtime refused “${baseName(file)}”: ${reason}`,
    where: file,
    todo: 'If it uses custom operators, export it without them; else export it with a current exporter and opset.',
  }),
  'model/run-failed': ({ file, reason }) => ({
    title: 'ONNX Runtime cannot run the model',
    what: `“${baseName(file)}” loads, and ONNX Runtime could not run it on the inputs it was given: ${reason}`,
    where: file,
    todo: 'Check that the inputs are those the model is used with, in shape and in range; where they are, this model does not run in ONNX Runtime.',
  }),
  'model/no-working-input': ({ file, tried, reason }) => ({
    title: 'No input was found that the model runs with',
    what: `${
      tried.length === 1
        ? `“${baseName(file)}” does not run on random numbers in the shape it declares`
        : `Without data Pare has to guess sizes, and “${baseName(file)}” ran with none of the ${tried.length} it tried`
    } (${list(tried, 3)}). ONNX Runtime said: ${reason}`,
    where: file,
    todo: 'Give Pare data of the model: one sample is enough.',
  }),
  'model/no-scores': ({ outputs }) => ({
    title: 'The model gives no numbers to compare',
    what: `None of the model's tensor outputs holds floating-point numbers; there is ${outputs || 'none at all'}.`,
    where: outputs,
    todo: 'Export the model with its scores as a tensor; classifiers of scikit-learn need the option zipmap=False.',
  }),
  'model/not-a-tensor': ({ file, input }) => ({
    title: 'An input cannot be given to the model',
    what: `The input “${input}” of “${baseName(file)}” is a sequence, a map, an optional value or a tensor of numbers below a byte or of bfloat16. Pare runs models whose inputs are tensors of common types.`,
    where: input,
    todo: 'Export the model with a tensor in its place.',
  }),
  'model/opset-too-old': ({ opset, needed, op, by }) => ({
    title: 'The model is too old for this pass',
    what: `${by} needs ${op}, which exists from opset ${needed}; the model is of opset ${opset} and cannot be raised as it is.`,
    where: op,
    todo: `Export the model with opset ${needed} or later, or leave this pass out.`,
  }),
  'model/nothing-to-do': ({ by, reason }) => ({
    title: 'Nothing to do',
    what: `${by} found nothing to work on: ${reason}.`,
    where: by,
    todo: 'Leave this pass out, or choose another one for this model.',
  }),
  'model/not-combinable': ({ reason }) => ({
    title: 'These scores cannot become one',
    what: `Several outputs of one number a sample are joined into one; here ${reason}.`,
    where: '',
    todo: 'Name outputs that are one number a sample with --outputs, or give models that have one.',
  }),
  'model/non-finite': ({ tensor, by }) => ({
    title: 'The model gives no finite numbers',
    what: `“${tensor}” holds NaN or infinite values (seen by ${by}).`,
    where: tensor,
    todo: 'Check that the data is preprocessed the way the model was trained; if it is, the model itself overflows.',
  }),
}
