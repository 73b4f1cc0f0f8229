/** What the Compare step asks for, page by page. */
import type { SamplePreview } from './dataset'
import type { SampleView } from './sample-views'

export const SAMPLE_FILTERS = ['all', 'changed', 'now-wrong', 'now-right'] as const
export type SampleFilter = (typeof SAMPLE_FILTERS)[number]

export interface SampleRow {
  index: number
  label?: string
  original: { answer: string; score: number }
  candidates: { answer: string; score: number; changed: boolean }[]
}

export interface SamplePage {
  /** Rows that pass the filter. */
  total: number
  counts: Record<SampleFilter, number>
  rows: SampleRow[]
}

export interface SampleDetail {
  preview: SamplePreview
  row: SampleRow
  /** The original's and each candidate's, side by side. */
  outputs: { name: string; view: SampleView }[]
  inputImage?: string
}

export interface GraphDiffNode {
  id: string
  op: string
  label: string
  state: 'same' | 'changed' | 'removed' | 'added'
  /** What changed, in words; empty when nothing did. */
  change: string
  /** Group shown folded: the name's path prefix. */
  group: string
  inputs: string[]
}

export interface GraphDiff {
  nodes: GraphDiffNode[]
  counts: Record<GraphDiffNode['state'], number>
}

/** What an operator gives and costs, by the id it has in the diff. */
export interface NodeCost {
  /** Of its first output, at batch 1. */
  shape?: number[]
  dtype?: string
  /** Null where a shape it hangs on could not be traced. */
  macs: number | null
  parameters: number
}

interface NodeTensor {
  name: string
  /** Only of constants: what others make has no shape before it runs. */
  dtype?: string
  dims?: number[]
  bytes?: number
}

/** One operator as one of the two models has it. */
export interface NodeSide {
  op: string
  name: string
  attributes: { name: string; value: string }[]
  inputs: NodeTensor[]
  outputs: string[]
}

/** Absent on the side where the operator is not. */
export interface NodeDetail {
  original?: NodeSide
  candidate?: NodeSide
}

export interface WeightHistogram {
  layer: string
  /** Edges of the bins, one more than counts. */
  edges: number[]
  before: number[]
  after?: number[]
}

export interface OperatorTime {
  op: string
  /** First output of the node, or the runtime's own name for what it fused. */
  layer: string
  /** Milliseconds a sample, median. */
  original?: number
  candidate?: number
}
