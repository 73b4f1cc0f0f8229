/** A model at a glance, for `pare inspect` and the Model step. */
export interface TensorShape {
  name: string
  dtype: string
  /** A number, the name of a dynamic dimension, or null where nothing is said. */
  dims: (number | string | null)[]
}

export interface LayerSummary {
  /** Name of the node's first output: its identity in every report. */
  layer: string
  node: string
  op: string
  parameters: number
  bytes: number
  /** Null where a shape it hangs on could not be traced, as within If and Loop. */
  macs: number | null
  /** Shape of the first output at batch 1. */
  shape: number[]
  dtype: string
}

export interface CompatibilityIssue {
  /** 'already-quantized', 'dynamic-shape', 'unknown-operator', 'external-data', 'old-opset', 'control-flow', … */
  kind: string
  /** Plain words: what it is and what to do. */
  message: string
  severity: 'info' | 'warning' | 'error'
}

export interface ModelInspection {
  /** Absolute on the command line; a file name in the window. */
  path: string
  bytes: number
  parameters: number
  /** Null where those of a layer are not known. */
  macs: number | null
  opset: number
  opsets: Record<string, number>
  irVersion: number
  producer: string
  inputs: TensorShape[]
  outputs: TensorShape[]
  nodes: number
  operators: { op: string; count: number; parameters: number; macs: number | null }[]
  layers: LayerSummary[]
  issues: CompatibilityIssue[]
  sha256: string
}
