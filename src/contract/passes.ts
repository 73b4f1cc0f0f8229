/** What a pass declares, in the form that makes forms, help, flags, docs and the search space. */
export type PassFamily =
  'clean-up' | 'quantization' | 'pruning' | 'factorization' | 'sharing' | 'training' | 'precision'

export type PassNeed = 'calibration' | 'training' | 'labels'

export interface ParameterField {
  name: string
  kind: 'number' | 'integer' | 'boolean' | 'choice' | 'text' | 'list'
  label: string
  help: string
  default: unknown
  minimum?: number
  maximum?: number
  choices?: string[]
  /** Values the search tries. */
  search?: unknown[]
  /** It counts only where another parameter has this value. */
  only?: { name: string; is: unknown }
  /** Shown only when asked for. */
  advanced?: boolean
  unit?: string
}

export interface PassDescription {
  id: string
  title: string
  family: PassFamily
  /** One plain sentence. */
  summary: string
  /** Papers and operator documents. */
  sources: string[]
  needs: PassNeed[]
  parameters: ParameterField[]
}
