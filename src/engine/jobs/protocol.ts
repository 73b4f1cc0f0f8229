/**
 * What the engine process can be asked and what it says. Paths and small results cross the border, never
 * tensors or files.
 */
import type {
  GraphDiff,
  NodeCost,
  NodeDetail,
  OperatorTime,
  SampleDetail,
  SampleFilter,
  SamplePage,
  WeightHistogram,
} from '../../contract/compare'
import type { DataSpec, SamplePreview, SplitName, Task, TaskDescription } from '../../contract/dataset'
import type { ErrorData } from '../../contract/errors'
import type { SearchGoal } from '../../contract/goal'
import type { ModelInspection } from '../../contract/model'
import type { PassDescription } from '../../contract/passes'
import type { PluginDescription } from '../../contract/plugins'
import type {
  BundlePlan,
  LoadedData,
  OpenedData,
  PreprocessingTrial,
  TargetCheck,
} from '../../contract/project'
import type { Preset, Recipe } from '../../contract/recipe'
import type { Footprint, Quality, Report, StepRecord } from '../../contract/report'
import type { SearchJob, SearchResult, Trial } from '../../contract/trial'
import type { SensitivityReport, Technique } from '../../contract/sensitivity'
import type { TargetDescription } from '../../contract/targets'
import type { CombineOptions } from '../onnx'
import type { ProbeReply, ProbeRequest } from '../evaluate/memory'
import type { FinishedRun, RunResult } from '../run/compress'
import type { ProgressReport } from '../run/progress'
import type { ModelRecord } from '../run/record'

/** A dataset and how to read it. */
export interface DataReference extends DataSpec {
  /** Absolute; absent where inputs shall be random. */
  path?: string
  tokenizer?: string
  splits?: { calibration: number; validation: number; seed: number }
}

export interface EngineSettings {
  /** In order of preference. */
  providers: string[]
  /** 0 = all cores. */
  threads: number
}

export interface ModelAndData {
  /** Absolute. */
  model: string
  data: DataReference
  settings: EngineSettings
}

export interface RunRequest extends ModelAndData {
  /** The run's own folder. */
  folder: string
  /** One candidate each. */
  recipes: Recipe[]
  /** What the results are for; default: what an earlier run in the folder was for that is resumed, or 'any'. */
  target?: string
  seed: number
  resume: boolean
  /** Where the only candidate goes instead of `<folder>/candidates/1`. */
  into?: string
  /** Folder of sensitivities measured before; default: one in `folder`. */
  sensitivities?: string
  /** Folder of passes that other runs have finished; default: one in `folder`. */
  cache?: string
}

export interface ComparedModels extends ModelAndData {
  /** Absolute paths of candidate models. */
  candidates: { name: string; model: string }[]
}

export interface SearchRequest extends ModelAndData {
  /** The search's own folder, shared by its workers. */
  folder: string
  /** Without a target as in `RunRequest`. */
  goal: Omit<SearchGoal, 'target'> & { target?: string }
  seed: number
  resume: boolean
  /** Where the winner goes instead of `<folder>/candidates`. */
  into?: string
  /** Folder of sensitivities measured before; default: one in `folder`. */
  sensitivities?: string
  /** Folder of passes that other runs have finished; default: one in `folder`. */
  cache?: string
  worker?: string
}

/** What was kept of each sample when candidates were measured. */
export interface Results {
  /** Absolute paths of each candidate's samples.json. */
  results: string[]
  task: Task
  classes?: string[]
}

interface Job<I, O> {
  input: I
  output: O
}

interface Jobs {
  probe: Job<ProbeRequest, ProbeReply>
  providers: Job<undefined, { id: string; title: string; available: boolean; reason?: string }[]>
  /** Unpacks a zip of samples into a folder of its own; gives that folder. */
  unpack: Job<{ archive: string; into: string }, { folder: string }>
  passes: Job<undefined, PassDescription[]>
  targets: Job<undefined, TargetDescription[]>
  tasks: Job<undefined, TaskDescription[]>
  /** Those the process was started with. */
  plugins: Job<undefined, PluginDescription[]>
  presets: Job<undefined, Preset[]>
  /** With a target also what is known of the model there. */
  inspect: Job<{ model: string; target?: string }, ModelInspection & { checks?: TargetCheck[] }>
  /** Scores of several outputs or models as one, written to `out`; gives what the scores are now called. */
  combine: Job<{ models: string[]; out: string } & CombineOptions, { out: string }>
  histogram: Job<{ model: string; candidate?: string; layer: string }, WeightHistogram>
  diff: Job<{ model: string; candidate?: string }, GraphDiff>
  node: Job<{ model: string; candidate?: string; node: string }, NodeDetail>
  costs: Job<{ model: string }, Record<string, NodeCost>>
  /** `show`: so many samples are told by `opened` before the scoring begins. */
  openData: Job<ModelAndData & { show?: number }, LoadedData>
  /** What a document says of the data. Needs a path. */
  describeData: Job<Pick<ModelAndData, 'model' | 'data'>, { fingerprint: string; spec: DataSpec }>
  findPreprocessing: Job<
    ModelAndData & {
      /** 'gain': only what may be better than now; 'always': the usual ways, with their scores. */
      when: 'gain' | 'always'
      /** Score of the original as the data is read now. */
      baseline: Quality
    },
    PreprocessingTrial[]
  >
  samples: Job<
    ModelAndData & { split: SplitName; offset: number; limit: number },
    { total: number; samples: SamplePreview[] }
  >
  checkRecipe: Job<ModelAndData & { recipe: Recipe }, { step: number; message: string }[]>
  /** Before a run: how long it and each of its steps will take, from one timed run of the model, and about what size comes out. */
  expect: Job<
    ModelAndData & { recipe: Recipe },
    { seconds: number; steps: number[]; originalBytes: number; bytes: number }
  >
  /** Flash and RAM, by writing it as C; nothing where the target is no microcontroller. */
  footprint: Job<{ model: string; target: string; maxRam?: number }, { footprint?: Footprint }>
  /** `target` adds what it takes where that is a microcontroller. */
  evaluate: Job<ModelAndData & { split: SplitName; target?: string }, Report>
  compress: Job<RunRequest, RunResult>
  search: Job<SearchRequest, { result: SearchResult; run: RunResult }>
  /** The round that is being tried, as a list that can be spread over machines. */
  searchList: Job<SearchRequest, SearchJob[]>
  /** Tries the jobs with these keys that are still to be tried and that nobody is at; gives the keys. */
  searchStep: Job<SearchRequest & { share: { worker: string; keys: string[] } }, string[]>
  /** Tries what the search that began it tries, beside others, until its time is over. */
  searchAssist: Job<SearchRequest & { worker: string; began: number }, void>
  /** Concludes when nothing is left to try; else says what is. */
  searchMerge: Job<SearchRequest, { left: SearchJob[] } | { result: SearchResult; run: RunResult }>
  sensitivity: Job<
    ModelAndData & {
      /** Default: 64, and fewer for large models. */
      samples?: number
      techniques?: Technique[]
      /** Id of a target; its rules say how many bits an integer weight uses. */
      target?: string
      /** Folder of sensitivities: what is there is not measured again, what is measured is added. */
      sensitivities?: string
    },
    SensitivityReport
  >
  /** What lies beside a model of how it was made, where that is about this very file. */
  record: Job<{ model: string }, { record?: ModelRecord }>
  /** `split`: by default the validation samples. */
  compare: Job<
    ComparedModels & { target?: string; split?: SplitName },
    { original: Report; candidates: Report[] }
  >
  compareSamples: Job<
    Results & { filter: SampleFilter; class?: number; offset: number; limit: number },
    SamplePage
  >
  previews: Job<ModelAndData & { samples: number[] }, SamplePreview[]>
  compareSample: Job<Results & ComparedModels & { index: number }, SampleDetail>
  /** The self-contained report as HTML text. */
  htmlReport: Job<
    {
      title: string
      original: Report
      candidates: { name: string; recipe?: Recipe; report: Report; steps?: StepRecord[]; slot?: number }[]
      /** Where a search found them: the front it leaves to choose from. */
      search?: SearchResult
    },
    string
  >
  operators: Job<ModelAndData & { candidate: string }, OperatorTime[]>
  /** A zip or a folder. Throws `bundle/invalid` where it says nothing of itself. */
  verifyBundle: Job<
    { bundle: string },
    {
      name: string
      target: string
      recipe?: Recipe
      /** `orderedBy`: what writes it otherwise each time. */
      models: { file: string; sha256: string; orderedBy?: string }[]
      /** Preprocessing and class names are part of the model. */
      embedded: boolean
      checks: TargetCheck[]
    }
  >
  exportPlan: Job<ExportRequest, BundlePlan>
  exportBundle: Job<
    ExportRequest & { form: 'zip' | 'folder'; out: string; overwrite: boolean },
    { path: string; target: string; bytes: number; downloadBytes: number; files: string[] }
  >
}

export interface ExportRequest extends ModelAndData {
  target: string
  /** Bytes of RAM that a microcontroller has for it. */
  maxRam?: number
  /** C sources as a library of Arduino. */
  arduino?: boolean
  /** C sources call CMSIS-NN where it has a kernel. */
  cmsis?: boolean
  /** Preprocessing and the names of the classes become part of the model. */
  embed?: boolean
  name: string
  /** What was measured, where it was. */
  report?: Report
  original?: Report
  recipe?: Recipe
  steps?: StepRecord[]
}

export type JobName = keyof Jobs
export type JobInput<J extends JobName> = Jobs[J]['input']
export type JobOutput<J extends JobName> = Jobs[J]['output']

export type ToEngine =
  | { type: 'start'; id: number; job: JobName; input: unknown }
  /** Ends learning early in the job that runs. */
  | { type: 'stop-training'; id: number }
  /** Answer to `probe`. */
  | { type: 'probed'; probe: number; answer: { reply: ProbeReply } | { error: ErrorData } }
  /** Whoever was asked for by `assist` has ended, one way or another. */
  | { type: 'assisted'; id: number }

export interface JobEvents {
  progress: ProgressReport
  /** Data is open, and its scoring begins. */
  opened: OpenedData
  point: { epoch: number; loss: number; quality?: number }
  /** A pass of a run has ended, or was found finished. */
  step: { candidate: number; step: number; record: StepRecord }
  /** A search has tried a recipe. */
  trial: { trial: Trial }
  /** A candidate is finished and measured. */
  candidate: { candidate: FinishedRun; original: Report }
}

export type JobEvent = { [E in keyof JobEvents]: { event: E; data: JobEvents[E] } }[keyof JobEvents]

export type FromEngine =
  | { type: 'ready' }
  | { type: 'event'; id: number; event: JobEvent }
  | { type: 'done'; id: number; output: unknown }
  /** `spent`: the process must be replaced before the next job. */
  | { type: 'failed'; id: number; error: ErrorData; spent?: true }
  /** Asks for the job `probe` in a fresh process, because only the host can start one under every shell. */
  | { type: 'probe'; id: number; probe: number; request: ProbeRequest }
  /** Asks for processes that share the work, each within so many bytes. */
  | { type: 'assist'; id: number; requests: JobInput<'searchAssist'>[]; memory: number }
