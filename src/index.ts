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

/** Types that the above are made of. */
export type {
  DatasetKind,
  DatasetSummary,
  Doubt,
  SamplePreview,
  SplitName,
  SplitSummary,
} from './contract/dataset'
export type { ErrorFields } from './contract/errors'
export type { ErrorMessage } from './contract/message'
export type { CompatibilityIssue, LayerSummary, TensorShape } from './contract/model'
export type { InterfacePart, ParameterField, PassNeed } from './contract/passes'
export type { OpenedData, TargetCheck } from './contract/project'
export type {
  Fidelity,
  Footprint,
  LatencyEstimate,
  LatencyStats,
  LayerReport,
  Quality,
  SampleResults,
} from './contract/report'
export type {
  BoxView,
  EventView,
  MaskView,
  Neighbour,
  NeighbourView,
  NumbersView,
  PoseView,
  SampleView,
  ShownBox,
  ShownPose,
  TextPart,
  TextView,
} from './contract/sample-views'
export type { Sensitivity } from './contract/sensitivity'
export type { Confirmation, TrialStage } from './contract/trial'
export type { GoesOn } from './engine/data/clips'
export type { Batch, BatchOptions, Dataset, RawSample, Split, Variant } from './engine/data/dataset'
export type { RawFile } from './engine/data/source'
export type { DataReference, JobEvent, JobEvents } from './engine/jobs/protocol'
export type {
  ArithmeticType,
  CodeOperator,
  ConstantInputs,
  OwnMethod,
  StoredTensor,
  TensorForm,
  WeightForm,
} from './engine/layers/encodings/encoding'
export type { Leveled, Stored } from './engine/layers/encodings/leveled'
export type { CodedLookup, LookupView } from './engine/layers/encodings/recognized'
export type { CodeStore, StoredCodes, StoredZeros } from './engine/layers/encodings/store'
export type { Geometry, KindName, LayerKind, RowPart } from './engine/layers/kinds/kind'
export type { Layer, ProductShape, WeightRoot } from './engine/layers/layer'
export type { GroupShape, GroupedCodes } from './engine/math/quantize/grouped'
export type { PlaneBits } from './engine/math/quantize/pack'
export type { Random } from './engine/math/random'
export type { Dim, ValueInfo } from './engine/onnx/graph'
export type { FunctionDef } from './engine/onnx/model'
export type { AttributeInput, AttributeValue, NodeInit } from './engine/onnx/node'
export type { NumericArray } from './engine/onnx/numeric'
export type { ByteSource } from './engine/onnx/source'
export type { TensorSource } from './engine/onnx/tensor'
export type { Int64 } from './engine/onnx/wire'
export type { WrittenModel } from './engine/onnx/write'
export type { Sensitivities } from './engine/passes/pass'
export type { FinishedRun } from './engine/run/compress'
export type { ProgressReport } from './engine/run/progress'
export type { TracedValue } from './engine/runtime/trace'
export type { Value, ValueData, Values } from './engine/runtime/value'
export type { Check, NodeTest, Traced } from './engine/targets/target'
export type { Compared, Comparison } from './engine/tasks/comparisons'
export type { Named } from './engine/tasks/define'
export type {
  Measured,
  Meter,
  MetricContext,
  MetricFamily,
  Observation,
  OutputChoice,
} from './engine/tasks/metric'
export type {
  Gallery,
  LossKind,
  Shown,
  Spelling,
  StructuredLoss,
  StructuredMeasure,
  TaskLoss,
} from './engine/tasks/task'
export { z } from 'zod'
