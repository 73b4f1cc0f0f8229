/**
 * Pare as a library: `import { compress } from 'pare'`. Functions that do work run an engine in a process of its own;
 * what fails rejects with a `PareError`, whose `data` says what by code and fields and `errorMessage` in sentences.
 */
import path from 'node:path'
import { library } from './library/pare'
import { forkEngine } from './service'

export const {
  inspect,
  compress,
  search,
  evaluate,
  compare,
  exportBundle,
  verifyBundle,
  passes,
  presets,
  targets,
} = library((limits) => forkEngine(path.join(import.meta.dirname, 'worker.js'), limits))

export { errorData, PareError, type ErrorCode, type ErrorData } from './contract/errors'
export { errorMessage } from './contract/messages'
export type {
  CallOptions,
  CompareOptions,
  CompressOptions,
  EvaluateOptions,
  ExportOptions,
  Library,
  MeasureOptions,
  PareEvent,
  SearchOptions,
  SearchOutcome,
} from './library/pare'
export type { Recipe, RecipeStep, Preset } from './contract/recipe'
export type { CompressResult, Report, StepRecord } from './contract/report'
export type { SearchResult, Trial } from './contract/trial'
export type { ModelInspection } from './contract/model'
export type { PassDescription } from './contract/passes'
export type { TargetDescription } from './contract/targets'

/** For plug-ins: what passes, targets, encodings and tasks are declared with, and the model that a pass gets and gives. */
export {
  definePass,
  type Pass,
  type PassContext,
  type PassDefinition,
  type PassResult,
} from './engine/passes/pass'
export { defineTarget, type Target } from './engine/targets/target'
export { defineEncoding, type Encoding } from './engine/layers/encodings/encoding'
export { leveled } from './engine/layers/encodings/leveled'
export type { WeightCodes } from './engine/layers/encodings/values'
export { defineTask, type Answer, type ScoredTask, type TaskDefinition } from './engine/tasks/define'
export type { TaskDeclaration } from './engine/tasks/task'
export { Graph, Model, Node, readModel, Tensor, writeModel } from './engine/onnx'
export type { Plugin } from './engine/jobs/plugins'
export { z } from 'zod'
