/**
 * What the engine made, as it is read back from disk. Only what somebody relies on is asked for; the rest stays as it
 * came. JSON has no infinity, so any figure may have become null.
 */
import { z } from 'zod'
import { SPLITS, Task } from './dataset'
import type { ErrorData } from './errors'
import type { Report, SampleResults, StepRecord } from './report'
import type { Sensitivity } from './sensitivity'
import { TECHNIQUES } from './sensitivity'
import type { Trial, TrialPoint } from './trial'

/** Names a folder or file of its own: never a way to another place. */
export const Id = z.string().regex(/^[\w-]{1,64}$/, 'is not an id')

const figure = z.number().nullable()
const pair = z.tuple([figure, figure])

export const StoredError = z.looseObject({ code: z.string() }) as unknown as z.ZodType<ErrorData>

export const StoredQuality = z.looseObject({
  metric: z.string(),
  value: figure,
  samples: z.number(),
  interval: pair,
  higherIsBetter: z.boolean(),
  others: z.record(z.string(), figure),
  split: z.enum([...SPLITS, 'random']),
  task: Task,
})

const Latency = z.looseObject({ p50: figure, p95: figure, provider: z.string() })
const Estimate = z.looseObject({ target: z.string(), ratio: figure, source: z.string() })
const Footprint = z.union([
  z.looseObject({ target: z.string(), flashBytes: z.number(), ramBytes: z.number(), source: z.string() }),
  z.looseObject({ target: z.string(), reason: z.string() }),
])
const Ratio = z.looseObject({ value: figure, interval: pair })

export const StoredReport = z.looseObject({
  path: z.string(),
  bytes: z.number(),
  downloadBytes: z.number(),
  sha256: z.string(),
  parameters: figure,
  nonzeroParameters: figure,
  macs: figure,
  peakMemoryBytes: figure,
  energyMicrojoules: figure,
  quality: StoredQuality,
  qualityChange: Ratio.optional(),
  latencyMs: Latency,
  latencyRatio: Ratio.optional(),
  originalLatencyMs: Latency.optional(),
  targetLatency: Estimate.optional(),
  footprint: Footprint.optional(),
  layers: z.array(z.looseObject({ layer: z.string(), op: z.string(), treatment: z.string() })).optional(),
  notes: z.array(z.string()),
}) as unknown as z.ZodType<Report>

export const StoredStep = z.looseObject({
  pass: z.string(),
  params: z.record(z.string(), z.unknown()),
  seconds: figure,
  summary: z.string(),
  skipped: z.array(z.looseObject({ layer: z.string(), reason: z.string() })),
  failed: z.boolean().optional(),
  error: StoredError.optional(),
  curve: z.array(z.looseObject({ epoch: z.number(), loss: figure })).optional(),
}) as unknown as z.ZodType<StepRecord>

/** What JSON made null was not known. */
const known = z
  .number()
  .nullish()
  .transform((value) => value ?? undefined)

const TRIED = {
  key: z.string(),
  state: z.enum(['kept', 'dropped', 'failed', 'out-of-time']),
  reason: z.string(),
  bytes: z.number(),
  downloadBytes: z.number(),
  pointsLost: known,
  latencyRatio: known,
  targetLatency: Estimate.optional(),
  footprint: Footprint.optional(),
}

export const StoredTrialPoint = z.looseObject({
  ...TRIED,
  name: z.string(),
}) as unknown as z.ZodType<TrialPoint>

export const StoredTrial = z.looseObject({
  ...TRIED,
  key: Id,
  round: z.number(),
  recipe: z.looseObject({ name: z.string(), steps: z.array(z.looseObject({ pass: z.string() })) }),
  stage: z.enum(['built', 'screen', 'subset', 'search']),
  seconds: z.number(),
  steps: z.array(z.string()),
}) as unknown as z.ZodType<Trial>

export const StoredSensitivity = z.looseObject({
  layer: z.string(),
  op: z.string(),
  parameters: z.number(),
  technique: z.enum(TECHNIQUES),
  strength: z.number(),
  points: figure,
  sqnr: figure,
}) as unknown as z.ZodType<Sensitivity>

export const StoredSamples = z
  .object({
    index: z.array(z.number()),
    label: z.array(figure),
    answer: z.array(figure),
    score: z.array(figure),
    text: z.array(z.string()).optional(),
    truth: z.array(z.string()).optional(),
  })
  .refine(
    ({ index, ...rest }) =>
      Object.values(rest).every((list) => list === undefined || list.length === index.length),
    {
      message: 'lists of different lengths',
    },
  ) as unknown as z.ZodType<SampleResults>
