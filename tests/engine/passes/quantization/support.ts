/** Contexts and datasets for quantizing small networks, and their outputs side by side. */
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { seeded } from '../../../../src/engine/math/random'
import type { Model } from '../../../../src/engine/onnx'
import type { PassContext } from '../../../../src/engine/passes/pass'
import { float32, floatsOf, withSession, type Values } from '../../../../src/engine/runtime'
import { sqnr } from '../../../../src/engine/math/quantize/sqnr'
import { arrayDataset } from '../../evaluate/support'
import { findTarget } from '../../../../src/engine/targets'

/** Normal values [samples, …dims]. */
export function noise(dims: readonly number[], seed = 5, spread = 1): Values[string] {
  const random = seeded(seed)
  const size = dims.reduce((n, d) => n * d, 1)
  return float32(
    dims,
    Float32Array.from({ length: size }, () => random.normal() * spread),
  )
}

export function contextOf(model: Model, inputs?: Values, more: Partial<PassContext> = {}): PassContext {
  return {
    original: model,
    ...(inputs && { data: arrayDataset({ task: 'regression', inputs }) }),
    progress: () => undefined,
    signal: new AbortController().signal,
    random: seeded(0),
    scratch: fs.mkdtempSync(path.join(os.tmpdir(), 'quantize-')),
    providers: ['cpu'],
    target: findTarget('any'),
    ...more,
  }
}

/** First output of a model, in plain ONNX Runtime. */
export const outputOf = (model: Model, inputs: Values): Promise<Float32Array> =>
  withSession(model, {}, async (session) => floatsOf(Object.values(await session.run(inputs))[0]!))

/** Decibel of the outputs of a candidate against the original's. */
export async function fidelity(original: Model, candidate: Model, inputs: Values): Promise<number> {
  return sqnr(await outputOf(original, inputs), await outputOf(candidate, inputs))
}
