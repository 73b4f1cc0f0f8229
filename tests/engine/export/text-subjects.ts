/** Readers of texts made by rule: of one text a sample, and of two. */
import path from 'node:path'
import { seeded } from '../../../src/engine/math/random'
import { Tensor, writeModel } from '../../../src/engine/onnx'
import { declares, temporaryFolder, tokenizerJson, write } from '../data/support'
import type { Subject } from './subject'

/** Texts whose class is the one of two words they hold more of; the longest do not fit whole. */
export function words(): Subject {
  const model = declares(
    [
      ['input_ids', ['N', 6], 'int64'],
      ['attention_mask', ['N', 6], 'int64'],
    ],
    [['scores', ['N', 2]]],
  )
  model.opsets.set('', 17)
  // Ids 4 and 5 are the words: a column each.
  const table = Array.from({ length: 7 }, (_, id) => [Number(id === 4), Number(id === 5)]).flat()
  model.graph.addInitializer('table', Tensor.float32([7, 2], table))
  const node = (opType: string, inputs: string[], output: string, to?: number): void =>
    void model.graph.addNode({
      opType,
      inputs,
      outputs: [output],
      ...(to !== undefined && { attributes: { to: { int: BigInt(to) } } }),
    })
  model.graph.addInitializer('last', Tensor.int64([2]))
  node('Gather', ['table', 'input_ids'], 'rows')
  node('Cast', ['attention_mask'], 'mask', 1)
  node('Unsqueeze', ['mask', 'last'], 'column')
  node('Mul', ['rows', 'column'], 'kept')
  model.graph.addInitializer('one', Tensor.int64([1]))
  node('ReduceSum', ['kept', 'one'], 'sums')
  model.graph.addInitializer('flat', Tensor.int64([-1, 2]))
  node('Reshape', ['sums', 'flat'], 'scores')
  const random = seeded(7)
  const line = (i: number): string => {
    const own = i % 2 === 0 ? 'red' : 'blue'
    const other = i % 2 === 0 ? 'blue' : 'red'
    const text = Array.from({ length: 3 + (i % 4) }, () =>
      random.next() < 0.7 ? own : random.next() < 0.5 ? other : 'green',
    )
    return JSON.stringify({ text: text.join(' '), label: own })
  }
  const lines = (): string => `${Array.from({ length: 60 }, (_, i) => line(i)).join('\n')}\n`
  const root = temporaryFolder()
  write(root, {
    'data/train.jsonl': lines(),
    'data/validation.jsonl': lines(),
    'data/tokenizer.json': tokenizerJson(['red', 'blue', 'green']),
  })
  const file = path.join(root, 'words.onnx')
  writeModel(model, file)
  return {
    model: file,
    data: path.join(root, 'data'),
    options: { classes: ['red', 'blue'] },
    raw: ['jsonl', path.join(root, 'data', 'validation.jsonl'), 'label'],
  }
}

/** Two texts each: whether both hold mostly the same word, by the segments of their tokens; the longest do not fit whole. */
export function pairs(): Subject {
  const ids = ['input_ids', 'attention_mask', 'token_type_ids']
  const model = declares(
    ids.map((name) => [name, ['N', 9], 'int64']),
    [['scores', ['N', 2]]],
  )
  model.opsets.set('', 17)
  const { graph } = model
  const node = (opType: string, inputs: string[], output: string, attributes = {}): string => {
    graph.addNode({ opType, inputs, outputs: [output], attributes })
    return output
  }
  const table = Array.from({ length: 7 }, (_, id) => [Number(id === 4), Number(id === 5)]).flat()
  graph.addInitializer('table', Tensor.float32([7, 2], table))
  graph.addInitializer('one', Tensor.float32([], [1]))
  graph.addInitializer('steps', Tensor.int64([1]))
  graph.addInitializer('last', Tensor.int64([2]))
  // [same, other] of the counts of both words in one text, for those in the other text.
  graph.addInitializer('swap', Tensor.float32([2, 2], [0, 1, 1, 0]))
  const [mask, second] = ids.slice(1).map((name) => node('Cast', [name], `${name}f`, { to: { int: 1 } }))
  const first = node('Sub', ['one', second!], 'first')
  const rows = node('Gather', ['table', 'input_ids'], 'rows')
  const [a, b] = [first, second!].map((segment) => {
    const column = node('Unsqueeze', [node('Mul', [mask!, segment], `${segment}m`), 'last'], `${segment}c`)
    return node('ReduceSum', [node('Mul', [rows, column], `${segment}r`), 'steps'], `${segment}s`, {
      keepdims: { int: 0 },
    })
  })
  const turned = node('MatMul', [b!, 'swap'], 'turned')
  const scores = [b!, turned].map((other) =>
    node('ReduceSum', [node('Mul', [a!, other], `${other}p`), 'steps'], `${other}t`),
  )
  node('Concat', scores, 'scores', { axis: { int: 1 } })
  const random = seeded(8)
  const text = (i: number): string => {
    const [own, other] = i % 2 === 0 ? ['red', 'blue'] : ['blue', 'red']
    const count = 2 + random.below(5)
    return Array.from({ length: count }, () => (random.next() < 0.75 ? own : other)).join(' ')
  }
  const line = (i: number): string =>
    JSON.stringify({
      idx: `${i}`,
      sentence1: text(i),
      sentence2: text(i + Math.floor(i / 2)),
      label: Math.floor(i / 2) % 2 === 0 ? 'same' : 'other',
    })
  const lines = (): string => `${Array.from({ length: 60 }, (_, i) => line(i)).join('\n')}\n`
  const root = temporaryFolder()
  write(root, {
    'data/train.jsonl': lines(),
    'data/validation.jsonl': lines(),
    'data/tokenizer.json': tokenizerJson(['red', 'blue', 'green'], { max_length: 9 }),
  })
  const file = path.join(root, 'pairs.onnx')
  writeModel(model, file)
  return {
    model: file,
    data: path.join(root, 'data'),
    options: { classes: ['same', 'other'] },
    raw: ['jsonl', path.join(root, 'data', 'validation.jsonl'), 'label'],
  }
}
