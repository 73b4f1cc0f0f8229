/** What is said where it is not clear what a model's outputs stand for. */
import type { Messages } from './message'

export const OUTPUT_MESSAGES: Messages<
  'data/outputs-unknown' | 'data/keypoints-unknown' | 'data/boxes-unknown'
> = {
  'data/outputs-unknown': ({ expected, outputs }) => ({
    title: 'No output fits the labels',
    what: `The labels ask for ${expected}; the model's outputs are ${outputs}.`,
    where: outputs,
    todo: 'Say which output is judged with --output and what it is with --task, or “output” and “task” in the data spec; --task unlabelled compares all outputs with the original’s and needs no labels.',
  }),
  'data/keypoints-unknown': ({ outputs, keypoints, known, told }) => ({
    title: 'It is not clear how keypoints lie in the outputs',
    what: `The model's outputs are ${outputs}, the data has ${keypoints} keypoints${told === undefined ? '' : `, and they were said to lie as “${told}”`}; that is none of: ${known.join('; ')}.`,
    where: outputs,
    todo: 'Say which it is with --boxes, or “boxes” in the data spec; or judge boxes instead (--task detection), or compare without labels (--task unlabelled).',
  }),
  'data/boxes-unknown': ({ outputs, classes, known, told }) => ({
    title: 'It is not clear how boxes lie in the outputs',
    what: `The model's outputs are ${outputs}, the data has ${classes} ${classes === 1 ? 'class' : 'classes'}${told === undefined ? '' : `, and boxes were said to lie as “${told}”`}; that is none of: ${known.join('; ')}.`,
    where: outputs,
    todo: 'Say which it is with --boxes, or “boxes” in the data spec. A model whose boxes are offsets from anchors must decode them, or be compared without labels (--task unlabelled).',
  }),
}
