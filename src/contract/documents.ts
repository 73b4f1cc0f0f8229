/**
 * The JSON documents that `pare … --json` prints, and those that lie in results and bundles (report.json, search.json),
 * one schema each; docs/schemas/ is made of them. They say what programs
 * may rely on: within a version fields may be added, so that readers must let others pass.
 */
import { z } from 'zod'
import { DataSpec, DOUBTS, SPLITS, Task } from './dataset'
import { Recipe } from './recipe'

const interval = z.tuple([z.number(), z.number()]).meta({ description: '95% interval.' })

export const Machine = z.looseObject({
  system: z.string(),
  architecture: z.string(),
  processor: z.string(),
  cores: z.int(),
  memoryBytes: z.int(),
})
type Machine = z.output<typeof Machine>

/** What every document begins with. */
const head = {
  pare: z.string().meta({ description: 'Version of Pare.' }),
  date: z.iso.datetime(),
  machine: Machine,
  data: z
    .looseObject({
      fingerprint: z.string().meta({
        description:
          'Of names and contents: "sha256:…", or "sampled:…" where large files were read at their ends and in the middle alone.',
      }),
      spec: DataSpec,
    })
    .optional()
    .meta({ description: 'Absent without data.' }),
  doubts: z
    .array(z.looseObject({ kind: z.enum(DOUBTS), message: z.string() }))
    .optional()
    .meta({ description: 'Reasons to doubt what is measured on the data; exit code 1 with --strict.' }),
}

const Quality = z.looseObject({
  metric: z.string(),
  value: z.number(),
  interval,
  samples: z.int(),
  higherIsBetter: z.boolean(),
  others: z.record(z.string(), z.number().nullable()),
  beside: z
    .array(z.looseObject({ output: z.string(), likeness: z.number() }))
    .optional()
    .meta({ description: 'Outputs that no label judges, each held against the original’s: 1 is the same.' }),
  split: z.enum([...SPLITS, 'random']),
  task: Task,
})

const Latency = z.looseObject({
  p50: z.number(),
  p95: z.number(),
  runs: z.int(),
  batch: z.int(),
  provider: z.string(),
  threads: z.int(),
})

const footprint = z
  .looseObject({
    target: z.string(),
    flashBytes: z.int().optional(),
    ramBytes: z.int().optional(),
    constantBytes: z.int().optional(),
    arenaBytes: z.int().optional(),
    stackBytes: z.int().optional(),
    milliseconds: z.number().optional().meta({ description: 'An estimate.' }),
    source: z.string().optional(),
    reason: z
      .string()
      .optional()
      .meta({ description: 'Why it cannot be had there; then there are no figures.' }),
  })
  .optional()
  .meta({ description: 'What it takes where the target is a microcontroller.' })

const report = {
  path: z.string(),
  bytes: z.int(),
  downloadBytes: z.int(),
  parameters: z.int(),
  nonzeroParameters: z.int(),
  macs: z.number().nullable(),
  quality: Quality,
  qualityChange: z.looseObject({ value: z.number(), interval }).optional(),
  latencyMs: Latency,
  latencyRatio: z.looseObject({ value: z.number(), interval }).optional(),
  targetLatency: z
    .looseObject({ target: z.string(), ratio: z.number(), source: z.string() })
    .optional()
    .meta({ description: 'An estimate for a device that is not here.' }),
  footprint,
  peakMemoryBytes: z.number(),
  energyMicrojoules: z.number().nullable(),
  sha256: z.string(),
  notes: z.array(z.string()),
}
const Report = z.looseObject(report)

const Step = z.looseObject({
  pass: z.string(),
  told: z.string().optional(),
  params: z.record(z.string(), z.unknown()),
  seconds: z.number(),
  summary: z.string(),
  skipped: z.array(z.looseObject({ layer: z.string(), reason: z.string() })),
  failed: z.boolean().optional(),
})

const limits = z
  .looseObject({
    maxDrop: z.number().optional(),
    maxBytes: z.number().optional(),
    maxLatency: z.number().optional(),
    maxFlash: z.number().optional(),
    maxRam: z.number().optional(),
    missed: z.array(
      z.looseObject({ limit: z.enum(['quality', 'size', 'latency', 'flash', 'ram']), sentence: z.string() }),
    ),
  })
  .optional()
  .meta({ description: 'Where limits were given; exit code 3 where something is missed.' })

const made = {
  original: Report,
  candidate: Report,
  steps: z.array(Step),
  files: z.array(z.string()),
}

const Trial = z.looseObject({
  key: z.string(),
  recipe: Recipe,
  state: z.enum(['kept', 'dropped', 'failed', 'out-of-time']),
  reason: z.string(),
  bytes: z.number(),
  downloadBytes: z.number(),
  pointsLost: z.number().optional(),
  latencyRatio: z.number().optional(),
  footprint,
})

const search = {
  goal: z.looseObject({ maxDrop: z.number(), minutes: z.number(), target: z.string() }),
  trials: z.array(Trial),
  front: z.array(z.string()),
  winner: Trial.optional(),
  closest: Trial.optional(),
  explanation: z.string(),
}

const Job = z.looseObject({ key: z.string(), recipe: Recipe, why: z.string(), done: z.boolean().optional() })
const Port = z.looseObject({
  name: z.string(),
  dtype: z.string(),
  dims: z.array(z.union([z.number(), z.string(), z.null()])),
})
const Check = z.looseObject({
  ok: z.boolean(),
  severity: z.enum(['info', 'warning', 'error']),
  message: z.string(),
})
const bundle = {
  path: z.string(),
  target: z.string(),
  bytes: z.int(),
  downloadBytes: z.int(),
  files: z.array(z.string()),
}

const BODIES = {
  inspection: {
    path: z.string(),
    bytes: z.int(),
    parameters: z.int(),
    macs: z.number().nullable(),
    opset: z.int(),
    inputs: z.array(Port),
    outputs: z.array(Port),
    nodes: z.int(),
    operators: z.array(z.looseObject({ op: z.string(), count: z.int() })),
    layers: z.array(z.looseObject({ layer: z.string(), op: z.string(), parameters: z.int() })),
    issues: z.array(z.looseObject({ severity: z.string(), message: z.string() })),
    sha256: z.string(),
    checks: z.array(Check).optional(),
  },
  passes: {
    passes: z.array(
      z.looseObject({
        id: z.string(),
        title: z.string(),
        summary: z.string(),
        parameters: z.array(z.looseObject({ name: z.string(), kind: z.string() })),
      }),
    ),
  },
  presets: { presets: z.array(z.looseObject({ id: z.string(), ...Recipe.shape })) },
  targets: { targets: z.array(z.looseObject({ id: z.string(), title: z.string(), runtime: z.string() })) },
  data: {
    summary: z.looseObject({
      kind: z.string(),
      task: Task,
      samples: z.int(),
      notes: z.array(z.string()),
    }),
    baseline: Quality,
    trials: z.array(z.looseObject({ score: z.number(), better: z.boolean(), explanation: z.string() })),
    spec: DataSpec,
  },
  evaluation: { ...report, limits },
  comparison: {
    original: Report,
    candidate: Report.meta({ description: 'The first of the candidates.' }),
    candidates: z.array(z.looseObject({ name: z.string(), ...report })),
    files: z.array(z.string()).optional(),
    limits,
  },
  compression: { ...made, limits },
  plan: {
    recipe: z.string(),
    seconds: z.number().meta({ description: 'An estimate, of the right order; so are those of the steps.' }),
    originalBytes: z.int(),
    bytes: z.number().meta({ description: 'An estimate, from the parameters of the recipe alone.' }),
    steps: z.array(z.looseObject({ pass: z.string(), seconds: z.number(), problems: z.array(z.string()) })),
  },
  sample: { ...made, bundle: z.looseObject(bundle) },
  search: { ...made, search: z.looseObject(search), limits },
  /** search.json. */
  'search-result': search,
  /** report.json beside a model and in a bundle. */
  report: {
    name: z.string().optional(),
    original: Report,
    candidate: Report,
    recipe: Recipe.optional(),
    steps: z.array(Step).optional(),
  },
  jobs: { jobs: z.array(Job) },
  tried: { tried: z.array(z.string()) },
  left: { left: z.array(Job) },
  sensitivity: {
    samples: z.int(),
    measured: z.int(),
    entries: z.array(
      z.looseObject({
        layer: z.string(),
        op: z.string(),
        technique: z.string(),
        strength: z.number(),
        sqnr: z.number().nullable(),
      }),
    ),
  },
  verification: {
    path: z.string(),
    name: z.string(),
    target: z.string(),
    models: z.array(z.looseObject({ file: z.string(), sha256: z.string() })),
    checks: z.array(Check),
  },
  export: { ...z.object(bundle).partial().shape, files: bundle.files, checks: z.array(Check), limits },
  error: {
    error: z.looseObject({
      code: z.string(),
      message: z.looseObject({ title: z.string(), what: z.string(), where: z.string(), todo: z.string() }),
    }),
  },
} as const

export type DocumentKind = keyof typeof BODIES

/** Changes when a field that programs may rely on goes or means something else. */
const VERSION = 1

export const schemaId = (kind: DocumentKind): string => `pare-${kind}-${VERSION}`

/** Of node:os, which this room does not import. */
interface System {
  type(): string
  release(): string
  arch(): string
  cpus(): { model: string }[]
  totalmem(): number
}

/** By which Pare, when and where something was found. */
export interface Made {
  /** Version of Pare. */
  pare: string
  /** ISO 8601. */
  date: string
  machine: Machine
}

export function madeNow(pare: string, system: System): Made {
  const cpus = system.cpus()
  const machine = {
    system: `${system.type()} ${system.release()}`,
    architecture: system.arch(),
    processor: cpus[0]?.model.trim() ?? 'unknown',
    cores: cpus.length,
    memoryBytes: system.totalmem(),
  }
  return { pare, date: new Date().toISOString(), machine }
}

const documentOf = (kind: DocumentKind): z.ZodType =>
  z
    .looseObject({ schema: z.literal(schemaId(kind)), ...head, ...BODIES[kind] })
    .meta({ id: schemaId(kind), title: `Pare ${kind}` })

export const DOCUMENTS = Object.fromEntries(
  (Object.keys(BODIES) as DocumentKind[]).map((kind) => [kind, documentOf(kind)]),
) as Record<DocumentKind, z.ZodType>
