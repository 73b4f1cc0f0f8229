import { z } from 'zod'
import { PareError } from '../../contract/errors'
import { plural } from '../../contract/format'
import { textOf, type Graph, type Model, type Node } from '../onnx'
import { definePass, type PassResult } from './pass'

const ID = 'remove-zipmap'

/** Where the classes of an output are written down: the map that named them is gone. */
const CLASSES = 'pare.classes.'

const isZipMap = (node: Node): boolean => node.domain === 'ai.onnx.ml' && node.opType === 'ZipMap'

function labelsOf(node: Node): string[] {
  const strings = node.attributes.get('classlabels_strings')
  if (strings?.type === 'strings') return strings.value.map(textOf)
  const ints = node.attributes.get('classlabels_int64s')
  return ints?.type === 'ints' ? ints.value.map(String) : []
}

/** The table of scores takes the name of the maps; where something else reads it too, it is handed on. */
function giveTable(graph: Graph, node: Node): void {
  const [from, to] = [node.inputs[0]!, node.outputs[0]!]
  const producer = graph.producer(from)
  const columns = labelsOf(node).length || null
  graph.outputs = graph.outputs.map((info) =>
    info.name === to ? { name: to, dtype: 'float32', dims: [rowsOf(graph), columns] } : info,
  )
  graph.removeNode(node)
  if (!producer || graph.isOutput(from)) {
    graph.addNode({ opType: 'Identity', inputs: [from], outputs: [to] })
    return
  }
  producer.outputs = producer.outputs.map((output) => (output === from ? to : output))
  graph.replaceUses(from, to)
  graph.valueInfo.delete(from)
}

const rowsOf = (graph: Graph): string | number | null => graph.requiredInputs[0]?.dims?.[0] ?? null

function removeMaps(original: Model): PassResult {
  const model = original.clone()
  const { graph } = model
  const maps = graph.nodes.filter((node) => isZipMap(node) && graph.isOutput(node.outputs[0]!))
  const read = maps.filter((node) => graph.consumers(node.outputs[0]!).length > 0)
  const gone = maps.filter((node) => !read.includes(node))
  if (gone.length === 0) {
    const reason =
      read.length > 0 ? 'other operators read what ZipMap makes' : 'no output of the model is made by ZipMap'
    throw new PareError('model/nothing-to-do', { by: ID, reason })
  }
  for (const node of gone) {
    const labels = labelsOf(node)
    if (labels.length > 0) model.metadata.set(`${CLASSES}${node.outputs[0]}`, JSON.stringify(labels))
    giveTable(graph, node)
  }
  if (!graph.nodes.some(({ domain }) => domain === 'ai.onnx.ml')) model.opsets.delete('ai.onnx.ml')
  graph.sort()
  return {
    model,
    summary: `${plural(gone.length, 'output')} ${gone.length === 1 ? 'is a table' : 'are tables'} of scores now, one column a class: ${gone.map((node) => `${node.outputs[0]} (${labelsOf(node).slice(0, 10).join(', ')})`).join('; ')}.`,
    skipped: read.map((node) => ({ layer: node.outputs[0]!, reason: 'another operator reads its maps' })),
  }
}

export const removeZipMap = definePass({
  id: ID,
  title: 'Scores as a table',
  term: 'ZipMap removed',
  family: 'clean-up',
  role: 'adapts',
  summary:
    'Replaces the list of maps that scikit-learn models give (ZipMap) by the plain table of scores under the same name, which every runtime can read. The classes are kept in the metadata.',
  sources: ['ONNX-ML ZipMap'],
  params: z.object({}),
  run: async (model) => removeMaps(model),
})
