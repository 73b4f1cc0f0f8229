import { describe, expect, it } from 'vitest'
import { fold } from '../../../src/renderer/graph/fold'
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
  it('draws every node of a graph within the budget, with every edge', () => {
    const { nodes } = graphDiff(60, false)
    const drawing = fold(nodes, new Set(), 100)
    expect(drawing.nodes).toHaveLength(60)
    expect(drawing.edges).toHaveLength(nodes.flatMap(({ inputs }) => inputs).length)
    expect(drawing.leftOut).toBe(0)
  })

  it('folds groups when there are too many nodes, and opens one', () => {
    const { nodes } = graphDiff(5000, true)
    const folded = fold(nodes, new Set(), 300)
    expect(folded.nodes).toHaveLength(200)
    expect(folded.nodes.reduce((sum, { count }) => sum + count, 0)).toBe(5000)
    expect(folded.edges.every(({ from, to }) => from !== to)).toBe(true)
    expect(fold(nodes, new Set(['/block3']), 300).nodes).toHaveLength(224)
  })

  it('keeps to the budget even when the groups alone are too many, and says what is left out', () => {
    const { nodes } = graphDiff(5000, false)
    const drawing = fold(nodes, new Set(), 100)
    expect(drawing.nodes).toHaveLength(100)
    expect(drawing.leftOut).toBe(2500)
    const shown = new Set(drawing.nodes.map(({ id }) => id))
    expect(drawing.edges.every(({ from, to }) => shown.has(from) && shown.has(to))).toBe(true)
  })
})
