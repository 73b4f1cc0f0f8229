/**
 * Lists of maps, one a sample from class to score, as exporters of scikit-learn end a classifier. Source: ONNX-ML ZipMap.
 */
import { PareError } from '../../contract/errors'
import type { Graph } from './graph'
import type { Model } from './model'
import type { Node } from './node'
import { textOf } from './text'

interface ScoreMaps {
  /** Classes in the order of the columns, by output. */
  classes: ReadonlyMap<string, readonly string[]>
  /** Outputs whose maps other operators read; they stay. */
  read: readonly string[]
}

interface Tables extends ScoreMaps {
  /** The model itself where it has no such output. */
  model: Model
}

/** Outputs of a graph that are lists of maps. */
export function scoreMaps(graph: Graph): ScoreMaps {
  const isMaps = ({ outputs: [maps] }: Node): boolean => maps !== undefined && graph.isOutput(maps)
  const nodes = graph.nodes.filter(
    (node) => node.domain === 'ai.onnx.ml' && node.opType === 'ZipMap' && isMaps(node),
  )
  const read = nodes.map(({ outputs }) => outputs[0]!).filter((maps) => graph.consumers(maps).length > 0)
  const classes = new Map(
    nodes.flatMap((node): [string, string[]][] =>
      read.includes(node.outputs[0]!) ? [] : [[node.outputs[0]!, labelsOf(node)]],
    ),
  )
  return { classes, read }
}

/**
 * A clone whose outputs are the tables of scores behind the maps, under the same names. Throws `model/invalid` where
 * its nodes cannot be put in order.
 */
export function withScoreTables(original: Model): Tables {
  const { classes, read } = scoreMaps(original.graph)
  if (classes.size === 0) return { model: original, classes, read }
  const model = original.clone()
  for (const [maps, labels] of classes) giveTable(model.graph, maps, labels.length)
  if (![...model.graphs()].some(({ nodes: all }) => all.some(({ domain }) => domain === 'ai.onnx.ml')))
    model.opsets.delete('ai.onnx.ml')
  try {
    model.graph.sort()
  } catch (cause) {
    const { message } = cause as RangeError
    throw new PareError('model/invalid', { file: original.file, reason: `it has a ${message}` }, { cause })
  }
  return { model, classes, read }
}

function labelsOf(node: Node): string[] {
  const strings = node.attributes.get('classlabels_strings')
  if (strings?.type === 'strings') return strings.value.map(textOf)
  const ints = node.attributes.get('classlabels_int64s')
  return ints?.type === 'ints' ? ints.value.map(String) : []
}

/** The table takes the name of the maps; where something else reads it too, it is handed on. */
function giveTable(graph: Graph, maps: string, columns: number): void {
  const node = graph.producer(maps)!
  const table = node.inputs[0]!
  const rows = graph.requiredInputs[0]?.dims?.[0] ?? null
  graph.outputs = graph.outputs.map((info) =>
    info.name === maps ? { name: maps, dtype: 'float32', dims: [rows, columns || null] } : info,
  )
  graph.removeNode(node)
  const producer = graph.producer(table)
  if (!producer || graph.isOutput(table)) {
    graph.addNode({ opType: 'Identity', inputs: [table], outputs: [maps] })
    return
  }
  producer.outputs = producer.outputs.map((output) => (output === table ? maps : output))
  graph.replaceUses(table, maps)
  graph.valueInfo.delete(table)
}
