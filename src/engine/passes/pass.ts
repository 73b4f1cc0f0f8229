/**
 * What a pass is. It is declared once; validation, forms, help, command-line flags, docs and the search space
 * all come from the declaration.
 */
import { z } from 'zod'
import { PareError } from '../../contract/errors'
import type {
  InterfacePart,
  ParameterField,
  ParameterGroup,
  PassDescription,
  PassFamily,
  PassNeed,
  PassRole,
} from '../../contract/passes'
import type { LayerReport, StepRecord } from '../../contract/report'
import type { Sensitivity } from '../../contract/sensitivity'
import type { Dataset } from '../data/dataset'
import { classicalPart } from '../layers/classical'
import { NumericalFailure } from '../math/numerical-failure'
import type { Random } from '../math/random'
import type { Model } from '../onnx'
import type { Target } from '../targets/target'

/** Said of every parameter with `.meta({...})`. */
interface ParameterMeta {
  label: string
  help: string
  /** See `ParameterField`. */
  told?: string | Record<string, string>
  /** Values the search tries. None for how much to look at: that is no question of what comes out. */
  search?: unknown[]
  /** See `ParameterField`. */
  fidelity?: number[]
  /** It counts only where another parameter has this value, or another one than this. */
  only?: { name: string; is: unknown } | { name: string; not: unknown }
  advanced?: boolean
  group?: ParameterGroup
  unit?: string
}

/** How far the outputs move when one layer alone is changed. Measuring that is the search's part; passes are handed it. */
export interface Sensitivities {
  /** Of every layer rounded to each width, measured now where it is not known. Throws what measuring throws. */
  ofBits(model: Model, options: { progress?(done: number, doing: string): void }): Promise<Sensitivity[]>
  /** What was measured before of layers rounded to `bits`, or to the width nearest to it; nothing is measured. */
  known(model: Model, bits: number): Promise<Sensitivity[]>
}

export interface PassContext {
  /** The user's model as it came: teacher, and reference for errors. */
  original: Model
  /** Present when the run has data; a pass that `needs` it may rely on it. */
  data?: Dataset
  /** 0 … 1 within this pass, with a few words on what is being done. Throws `cancelled` when cancelled. */
  progress(done: number, doing?: string): void
  signal: AbortSignal
  random: Random
  /** A folder of this pass's own for scratch files and checkpoints; survives a crash, gone after the pass. */
  scratch: string
  /** What runs the model on this machine; ['cpu'] unless the user chose otherwise. */
  providers: readonly string[]
  /** What the result is for. */
  target: Target
  /** What layers tolerate; present with data. */
  sensitivities?: Sensitivities
  /** The live curve of a pass that learns. */
  point?(at: { epoch: number; loss: number; quality?: number }): void
  /** True once the user asked to end learning early and keep the best so far; asked between steps. */
  stopRequested?(): boolean
  /** Of so many seconds that learning would take from now on, the share that there is time for; 1 and more is enough. */
  timeFor?(seconds: number): number
}

export interface PassResult {
  model: Model
  /** One plain sentence of what was done, with numbers. */
  summary: string
  /** What was left alone and why, in plain words. */
  skipped?: StepRecord['skipped']
  layers?: LayerReport[]
  /** The model was made from the original, not from what came in. */
  restarts?: boolean
  curve?: StepRecord['curve']
}

export interface PassDefinition<S extends z.ZodObject> {
  id: string
  title: string
  term?: string
  family: PassFamily
  role: PassRole
  /** Roles and ids of passes that it must not precede. */
  after?: readonly string[]
  summary: string
  sources: readonly string[]
  needs?: readonly PassNeed[]
  changes?: InterfacePart
  /** A function where plug-ins may add to what there is to choose from. */
  params: S | (() => S)
  /** Fails early: throws a PareError that names layers and says the fix. Quick; runs nothing. */
  check?(model: Model, params: z.output<S>): void
  run(model: Model, params: z.output<S>, context: PassContext): Promise<PassResult>
}

export interface Pass {
  readonly id: string
  readonly needs: readonly PassNeed[]
  readonly description: PassDescription
  /** Validated parameters with defaults. Throws `pass/bad-parameter`. */
  parse(params: unknown): Record<string, unknown>
  check(model: Model, params: unknown): void
  /** Gets a model it must not edit (clone it), gives a new one. */
  run(model: Model, params: unknown, context: PassContext): Promise<PassResult>
}

export function definePass<S extends z.ZodObject>(definition: PassDefinition<S>): Pass {
  const needs = definition.needs ?? []
  const { params: declared } = definition
  const shapeNow = (): S['shape'] => (typeof declared === 'function' ? declared() : declared).shape
  const parse = (params: unknown): z.output<S> => {
    const result = z.strictObject(shapeNow()).safeParse(params ?? {})
    if (result.success) return result.data as z.output<S>
    const [issue] = result.error.issues
    const parameter =
      issue?.path.join('.') || (issue?.code === 'unrecognized_keys' ? issue.keys.join(', ') : '')
    throw new PareError('pass/bad-parameter', {
      pass: definition.id,
      parameter,
      reason: issue?.message ?? 'invalid',
    })
  }
  const describe = (): PassDescription => ({
    id: definition.id,
    title: definition.title,
    term: definition.term,
    family: definition.family,
    role: definition.role,
    after: [...(definition.after ?? [])],
    summary: definition.summary,
    sources: [...definition.sources],
    needs: [...needs],
    changes: definition.changes,
    parameters: Object.entries(shapeNow()).map(([name, schema]) => toField(name, schema as z.ZodType)),
  })
  const told = describe()
  return {
    id: definition.id,
    needs,
    get description() {
      return typeof declared === 'function' ? describe() : told
    },
    parse,
    check(model, params) {
      try {
        definition.check?.(model, parse(params))
      } catch (cause) {
        throw withClassical(cause, model, definition.role)
      }
    },
    async run(model, params, context) {
      try {
        return await definition.run(model, parse(params), context)
      } catch (cause) {
        throw withClassical(overflowing(cause, definition.id), model, definition.role)
      }
    },
  }
}

/** What the numbers of a model do not allow is no fault of ours. */
const overflowing = (cause: unknown, by: string): unknown =>
  cause instanceof NumericalFailure
    ? new PareError('model/non-finite', { tensor: 'what a layer reads', by })
    : cause

/** A pass that finds nothing says where the numbers are that it cannot work on. */
function withClassical(cause: unknown, model: Model, role: PassRole): unknown {
  if (role === 'adapts' || !(cause instanceof PareError) || cause.data.code !== 'model/nothing-to-do')
    return cause
  const held = classicalPart(model)
  if (!held) return cause
  const { by, reason } = cause.data
  return new PareError('model/nothing-to-do', {
    by,
    reason: `${reason}; the model holds ${held}, which no pass compresses`,
  })
}

/** The parts of a JSON Schema that a form needs. */
interface FieldSchema {
  type?: string
  enum?: string[]
  default?: unknown
  minimum?: number
  maximum?: number
  exclusiveMinimum?: number
  exclusiveMaximum?: number
}

function toField(name: string, schema: z.ZodType): ParameterField {
  const json = z.toJSONSchema(schema, { io: 'input' }) as FieldSchema & Partial<ParameterMeta>
  const kinds: Record<string, ParameterField['kind']> = {
    number: 'number',
    integer: 'integer',
    boolean: 'boolean',
    array: 'list',
  }
  if (!json.label || !json.help) throw new TypeError(`parameter ${name} lacks its label or help`)
  const safe = (limit: number | undefined): number | undefined =>
    limit === undefined || Math.abs(limit) >= Number.MAX_SAFE_INTEGER ? undefined : limit
  return {
    name,
    kind: json.enum ? 'choice' : (kinds[json.type ?? ''] ?? 'text'),
    label: json.label,
    help: json.help,
    default: json.default,
    minimum: safe(json.minimum ?? json.exclusiveMinimum),
    maximum: safe(json.maximum ?? json.exclusiveMaximum),
    choices: json.enum,
    told: json.told,
    search: json.search,
    fidelity: json.fidelity,
    only: json.only,
    advanced: json.advanced,
    group: json.group,
    unit: json.unit,
  }
}
