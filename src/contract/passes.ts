/** What a pass declares, in the form that makes forms, help, flags, docs and the search space. */
export const PASS_FAMILIES = [
  'clean-up',
  'quantization',
  'pruning',
  'factorization',
  'sharing',
  'training',
  'precision',
] as const
export type PassFamily = (typeof PASS_FAMILIES)[number]

/**
 * What a pass does to a model, in the order in which the search lets passes follow each other. What adapts a model
 * (sizes, types, outputs) is a person's choice, and a search chooses by itself: it tries neither.
 */
export const PASS_ROLES = [
  'adapts',
  'normalizes',
  'removes',
  'trains',
  'prepares',
  'encodes',
  'stores',
  'chooses',
] as const
export type PassRole = (typeof PASS_ROLES)[number]

/** Free sizes become numbers, or numbers free; what is no tensor becomes one. */
export type InterfacePart = 'sizes' | 'types'

export type PassNeed = 'calibration' | 'training' | 'labels'

/** Settings that several passes share, shown together and described once: what they are about. */
export const PARAMETER_GROUPS = {
  layer: 'Layer',
  calibration: 'Calibration',
  encoding: 'Encoding',
  training: 'Training',
} as const
export type ParameterGroup = keyof typeof PARAMETER_GROUPS

export interface ParameterField {
  name: string
  kind: 'number' | 'integer' | 'boolean' | 'choice' | 'text' | 'list'
  label: string
  help: string
  default: unknown
  minimum?: number
  maximum?: number
  choices?: string[]
  /**
   * What a value is called in the name of a recipe, `{}` for the value and `{%}` for a share in per cent; by value where
   * values have words of their own, `*` for the rest.
   */
  told?: string | Record<string, string>
  /** Values the search tries. */
  search?: unknown[]
  /** How much work it takes, least first: a search begins with the first and goes on to the next where that promises something. */
  fidelity?: number[]
  /** It counts only where another parameter has this value, or another one than this. */
  only?: { name: string; is: unknown } | { name: string; not: unknown }
  /** Shown only when asked for. */
  advanced?: boolean
  group?: ParameterGroup
  unit?: string
}

export interface PassDescription {
  id: string
  /** Plain words. */
  title: string
  /** What the field calls it, where the title does not say so. */
  term?: string
  family: PassFamily
  role: PassRole
  /** Roles and ids of passes that it must not precede: it would leave them nothing to work on, or they undo it. */
  after: string[]
  /** One plain sentence. */
  summary: string
  /** Papers and operator documents. */
  sources: string[]
  needs: PassNeed[]
  /** What it changes of the inputs and outputs: it is for that. Names stay, and all else does. */
  changes?: InterfacePart
  parameters: ParameterField[]
}
