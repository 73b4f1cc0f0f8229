import { z } from 'zod'
import { PareError } from '../../contract/errors'
import { plural } from '../../contract/format'
import { withScoreTables, type Model } from '../onnx'
import { definePass, type PassResult } from './pass'

const ID = 'remove-zipmap'

/** Where the classes of an output are written down: the map that named them is gone. */
const CLASSES = 'pare.classes.'

function removeMaps(original: Model): PassResult {
  const { model, classes, read } = withScoreTables(original)
  if (classes.size === 0) {
    const reason =
      read.length > 0 ? 'other operators read what ZipMap makes' : 'no output of the model is made by ZipMap'
    throw new PareError('model/nothing-to-do', { by: ID, reason })
  }
  for (const [output, labels] of classes)
    if (labels.length > 0) model.metadata.set(`${CLASSES}${output}`, JSON.stringify(labels))
  const tables = [...classes].map(([output, labels]) => `${output} (${labels.slice(0, 10).join(', ')})`)
  return {
    model,
    summary: `${plural(classes.size, 'output')} ${classes.size === 1 ? 'is a table' : 'are tables'} of scores now, one column a class: ${tables.join('; ')}.`,
    skipped: read.map((layer) => ({ layer, reason: 'another operator reads its maps' })),
  }
}

export const removeZipMap = definePass({
  id: ID,
  title: 'Scores as a table',
  term: 'ZipMap removed',
  family: 'clean-up',
  role: 'adapts',
  changes: 'types',
  summary:
    'Replaces the list of maps that scikit-learn models give (ZipMap) by the plain table of scores under the same name, which every runtime can read. The classes are kept in the metadata.',
  sources: ['ONNX-ML ZipMap'],
  params: z.object({}),
  run: async (model) => removeMaps(model),
})
