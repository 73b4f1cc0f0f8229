/** Contexts and datasets for quantizing small networks, and their outputs side by side. */
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { seeded } from '../../../../src/engine/math/random'
import type { Model } from '../../../../src/engine/onnx'
import type { PassContext } from '../../../../src/engine/passes/pass'
import {
  float32,
  floatsOf,
  int64,
  withSession,
  type SessionOptions,
  type Values,
} from '../../../../src/engine/runtime'
import { sqnr } from '../../../../src/engine/math/quantize/sqnr'
import { arrayDataset } from '../../evaluate/support'
import { findTarget } from '../../../../src/engine/targets'
import { Net } from '../pruning/build'

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
export const outputOf = (model: Model, inputs: Values, options: SessionOptions = {}): Promise<Float32Array> =>
  withSession(model, options, async (session) => floatsOf(Object.values(await session.run(inputs))[0]!))

/** Decibel of the outputs of a candidate against the original's. */
export async function fidelity(original: Model, candidate: Model, inputs: Values): Promise<number> {
  return sqnr(await outputOf(original, inputs), await outputOf(candidate, inputs))
}

/** Words are looked up in a table that the last layer multiplies by again, turned. */
export function gptLike(): { model: Model; inputs: Values } {
  const net = new Net(7)
  const table = net.weight([400, 64], 'table', 1)
  const looked = net.op('Gather', [table, net.input('ids', [null, 6], 'int64')])
  const mixed = net.relu(net.op('MatMul', [looked, net.weight([64, 64])]))
  const turned = net.op('Transpose', [table], { perm: { ints: [1, 0] } })
  net.output(net.op('MatMul', [mixed, turned]), 3)
  const ids = Array.from({ length: 24 }, (_, i) => (i * 53) % 400)
  return { model: net.model, inputs: { ids: int64([4, 6], ids) } }
}
