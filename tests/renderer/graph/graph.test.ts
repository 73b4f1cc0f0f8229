import { describe, expect, it } from 'vitest'
import type { GraphDiffNode } from '../../../src/contract/compare'
import { familyOf } from '../../../src/renderer/graph/families'
import { firstDetail, fold } from '../../../src/renderer/graph/fold'
import { DIFF_STATES, graphRows } from '../../../src/renderer/graph/rows'
import { graphDiff } from '../fake/host'

const all = new Set(DIFF_STATES)

describe('the list', () => {
  const { nodes, counts } = graphDiff(100, true)
  it('groups, and closes groups', () => {
    const rows = graphRows(nodes, { text: '', states: all }, new Set())
    expect(rows.filter(({ kind }) => kind === 'group')).toHaveLength(4)
    expect(rows).toHaveLength(104)
    expect(
      graphRows(nodes, { text: '', states: all }, new Set(['/block0', '/block1', '/block2', '/block3'])),
    ).toHaveLength(4)
  })

  it('searches by words, opening what it finds', () => {
    const rows = graphRows(nodes, { text: 'block2 conv', states: all }, new Set(['/block2']))
    expect(
      rows.every((row) => row.kind === 'node' && row.node.op === 'Conv' && row.node.group === '/block2'),
    ).toBe(true)
    expect(rows).toHaveLength(5)
  })

  it('filters by what became of a node', () => {
    const rows = graphRows(nodes, { text: '', states: new Set(['changed']) }, new Set())
    expect(rows.filter(({ kind }) => kind === 'node')).toHaveLength(counts.changed)
  })
})

describe('the drawing', () => {
  it('draws every operator of a graph, with every edge', () => {
    const { nodes } = graphDiff(60, false)
    expect(firstDetail(nodes)).toBe('operators')
    const drawing = fold(nodes, 'operators', new Set())
    expect(drawing.nodes).toHaveLength(60)
    expect(drawing.edges).toHaveLength(nodes.flatMap(({ inputs }) => inputs).length)
    expect(drawing.leftOut).toBe(0)
  })

  it('folds blocks by name, tells what happened inside, and opens one', () => {
    const { nodes } = graphDiff(5000, true)
    expect(firstDetail(nodes)).toBe('blocks')
    const folded = fold(nodes, 'blocks', new Set())
    expect(folded.nodes).toHaveLength(200)
    expect(folded.nodes.flatMap(({ members }) => members)).toHaveLength(5000)
    expect(folded.nodes[0]).toMatchObject({ title: '/block0', state: 'changed' })
    expect(folded.nodes[0]!.note).toMatch(/^25 nodes, \d+ touched$/)
    expect(folded.edges.every(({ from, to }) => from !== to)).toBe(true)
    const open = fold(nodes, 'blocks', new Set(['group:/block3']))
    expect(open.nodes).toHaveLength(224)
    expect(open.nodes.filter(({ within }) => within === 'group:/block3')).toHaveLength(25)
  })

  it('draws equal blocks once, and opens them one step at a time', () => {
    const { nodes } = graphDiff(5000, false)
    const once = fold(nodes, 'repeats', new Set())
    expect(once.nodes.map(({ title }) => title)).toEqual(['200 × /blockn'])
    const [run] = once.nodes
    const opened = fold(nodes, 'repeats', new Set([run!.id]))
    expect(opened.nodes).toHaveLength(200)
    expect(opened.nodes[5]!.within).toBe(run!.id)
    expect(fold(nodes, 'repeats', new Set([run!.id, 'group:/block3'])).nodes).toHaveLength(224)
  })

  it('finds the blocks of a graph whose names say nothing by its operators', () => {
    const ops = [
      'Conv',
      ...Array.from({ length: 4 }, () => ['Conv', 'BatchNormalization', 'Relu']).flat(),
      'Gemm',
    ]
    const nodes = ops.map((op, at): GraphDiffNode => ({
      ...{ id: `v${at}`, op, label: '', state: 'same', change: '', group: '' },
      inputs: at ? [`v${at - 1}`] : [],
    }))
    const { nodes: drawn, edges } = fold(nodes, 'repeats', new Set())
    expect(drawn.map(({ title }) => title)).toEqual(['Conv', '4 × Conv, BatchNormalization, Relu', 'Gemm'])
    expect(edges.map(({ value }) => value)).toEqual(['v0', 'v12'])
    // Without names there are no blocks to fold.
    expect(fold(nodes, 'blocks', new Set()).nodes).toHaveLength(ops.length)
  })

  it('keeps to the most that is drawn, and says what is left out', () => {
    const { nodes } = graphDiff(5000, false)
    const drawing = fold(nodes, 'blocks', new Set(), 100)
    expect(drawing.nodes).toHaveLength(100)
    expect(drawing.leftOut).toBe(2500)
    const shown = new Set(drawing.nodes.map(({ id }) => id))
    expect(drawing.edges.every(({ from, to }) => shown.has(from) && shown.has(to))).toBe(true)
  })
})

describe('operators', () => {
  it('are of the family that their names tell', () => {
    const families = Object.entries({
      weights: [
        'Conv',
        'Gemm',
        'MatMul',
        'LSTM',
        'com.microsoft.MultiHeadAttention',
        'com.microsoft.FusedConv',
      ],
      activation: ['Relu', 'LeakyRelu', 'PRelu', 'Softmax', 'com.microsoft.FastGelu', 'Clip', 'Erf'],
      normalization: ['BatchNormalization', 'LRN', 'com.microsoft.SkipLayerNormalization'],
      pooling: ['MaxPool', 'GlobalAveragePool', 'ReduceMean', 'ArgMax'],
      shape: ['Reshape', 'Transpose', 'GatherElements', 'ConstantOfShape', 'Shape', 'Resize'],
      arithmetic: ['Add', 'Where', 'GreaterOrEqual'],
      quantization: [
        ...['QuantizeLinear', 'DequantizeLinear', 'DynamicQuantizeLSTM', 'QLinearConv', 'MatMulInteger'],
        ...['com.microsoft.MatMulNBits', 'Cast'],
      ],
      control: ['If', 'Loop', 'SomethingOfMine'],
    })
    for (const [family, ops] of families)
      for (const op of ops) expect([op, familyOf(op)]).toEqual([op, family])
  })
})
