import path from 'node:path'
import { expect, test } from 'vitest'
import { openDataset } from '../../../src/engine/data/open'
import { Tensor, type Model } from '../../../src/engine/onnx'
import { csvOf, numbers } from './linear'
import { declares, temporaryFolder, write } from './support'

const COLUMNS = 4

/** Outputs that are products of the input, by name and weights, rows of inputs. */
function heads(outputs: Record<string, readonly (readonly number[])[]>): Model {
  const ports = Object.entries(outputs).map(([name, rows]): [string, (string | number)[]] => [
    name,
    ['N', rows[0]!.length],
  ])
  const model = declares([['x', ['N', COLUMNS]]], ports)
  model.opsets.set('', 17)
  for (const [name, rows] of Object.entries(outputs)) {
    model.graph.addInitializer(`w_${name}`, Tensor.float32([COLUMNS, rows[0]!.length], rows.flat()))
    model.graph.addNode({ opType: 'MatMul', inputs: ['x', `w_${name}`], outputs: [name] })
  }
  return model
}

const eye = [
  [1, 0, 0],
  [0, 1, 0],
  [0, 0, 1],
  [0, 0, 0],
]
/** The classes one further. */
const turned = eye.map(([a, b, c]) => [c!, a!, b!])
const pair = [
  [1, 0],
  [0, 1],
  [0, 0],
  [0, 0],
]
const sum = [[1], [1], [1], [1]]

const rows = numbers(120, COLUMNS)
const classOf = (row: readonly number[]): number => row.indexOf(Math.max(...row.slice(0, 3)))
const total = (row: readonly number[]): number => row.reduce((a, b) => a + b, 0)

async function read(model: Model, label: (row: number[]) => number | string, output?: string) {
  const text = csvOf(
    ['a', 'b', 'c', 'd', 'label'],
    rows.map((row) => [...row, label(row)]),
  )
  const folder = write(temporaryFolder(), { 'a.csv': text })
  const dataset = await openDataset(path.join(folder, 'a.csv'), model, { ...(output && { output }) })
  const { task, spec } = dataset
  const said = dataset.summary().notes.filter((note) => note.startsWith('Output'))
  await dataset.close()
  return { task, output: spec.output, said }
}

test.each<[string, Model, (row: number[]) => number | string, Awaited<ReturnType<typeof read>>]>([
  [
    'the only one that the labels fit',
    heads({ two: pair, three: eye }),
    (row) => 'xyz'[classOf(row)]!,
    {
      task: 'classification',
      output: 'three',
      said: ['Output “three” is judged: the labels do not fit “two”.'],
    },
  ],
  [
    'the only one that numbers fit',
    heads({ three: eye, force: sum }),
    total,
    {
      task: 'regression',
      output: 'force',
      said: ['Output “force” is judged: the labels do not fit “three”.'],
    },
  ],
  [
    'the one of two that answers them',
    heads({ aside: turned, three: eye }),
    classOf,
    {
      task: 'classification',
      output: 'three',
      said: ['Output “three” is judged: the model answers the labels better there than in aside.'],
    },
  ],
  [
    'classes where the first is a number',
    heads({ force: sum, three: eye }),
    classOf,
    {
      task: 'classification',
      output: 'three',
      said: ['Output “three” is judged: the model answers the labels better there than in force.'],
    },
  ],
  [
    'the first of two that answer them alike',
    heads({ three: eye, again: eye }),
    classOf,
    { task: 'classification', output: undefined, said: [] },
  ],
])('of several outputs %s is judged', async (_, model, label, expected) => {
  expect(await read(model, label)).toEqual(expected)
})

test('what is said goes before that, and labels that fit none are refused as those of the first', async () => {
  const model = heads({ aside: turned, three: eye })
  expect(await read(model, classOf, 'aside')).toEqual({ task: 'classification', output: 'aside', said: [] })
  await expect(
    read(heads({ two: pair, three: eye }), (row) => 'vwxyz'[Math.floor((row[0]! + 1) * 2.49)]!),
  ).rejects.toMatchObject({ code: 'data/labels-out-of-range', data: { classes: 2 } })
})
