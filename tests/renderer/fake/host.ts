/** A backend in memory, for looking at the window and for its component tests; never shipped. */
import type {
  AppNotice,
  EventName,
  Events,
  Host,
  MethodInput,
  MethodName,
  MethodOutput,
  Settings,
} from '../../../src/contract/app'
import type {
  GraphDiff,
  GraphDiffNode,
  SampleFilter,
  SamplePage,
  SampleRow,
} from '../../../src/contract/compare'
import { PareError } from '../../../src/contract/errors'
import type { PluginDescription } from '../../../src/contract/plugins'
import type { Project, Run } from '../../../src/contract/project'
import * as fixture from './fixtures'
import { pluginHandlers } from './plugins'
import { summary } from './summary'
import { targets } from './targets'

interface FakeOptions {
  /** Rows in the Compare step's sample table. */
  samples?: number
  /** Nodes of the graph. */
  nodes?: number
  /** The project that is there at the start; none shows the empty state. */
  project?: Project
  shell?: Host['shell']
}

export type Handlers = {
  [M in MethodName]?: (input: MethodInput<M>) => MethodOutput<M> | Promise<MethodOutput<M>>
}

const OPS = ['Conv', 'Relu', 'Add', 'MatMul', 'Softmax']
const STATES: GraphDiffNode['state'][] = ['same', 'changed', 'same', 'same', 'added', 'same', 'removed']

export function graphDiff(size: number, compared: boolean): GraphDiff {
  const nodes = Array.from({ length: size }, (_, at): GraphDiffNode => {
    const state = compared ? STATES[at % STATES.length]! : 'same'
    const inputs = at ? [`n${at - 1}`, ...(at > 7 && at % 7 === 0 ? [`n${at - 6}`] : [])] : []
    const op = OPS[at % OPS.length]!
    return {
      id: `n${at}`,
      op,
      label: `/block${Math.floor(at / 25)}/${op}_${at}`,
      state,
      change: state === 'changed' ? 'weights int8 per-channel' : '',
      group: `/block${Math.floor(at / 25)}`,
      inputs,
    }
  })
  const counts = { same: 0, changed: 0, removed: 0, added: 0 }
  for (const { state } of nodes) counts[state]++
  return { nodes, counts }
}

const row = (index: number, candidates: number): SampleRow => ({
  index,
  label: String(index % 10),
  original: { answer: String(index % 97 === 0 ? 3 : index % 10), score: 0.98 },
  candidates: Array.from({ length: candidates }, (_, at) => {
    const changed = index % (41 + at) === 0
    return { answer: String(changed ? (index + 4) % 10 : index % 10), score: changed ? 0.51 : 0.97, changed }
  }),
})

export class FakeHost implements Host {
  readonly shell: Host['shell']
  project: Project | undefined
  notices: AppNotice[] = []
  settings: Settings = {
    theme: 'system',
    textScale: 1,
    provider: 'cpu',
    threads: 0,
    memory: 0,
    notifications: true,
    plugins: [],
  }
  plugins: PluginDescription[] = []
  address = ''
  private listeners = new Map<string, Set<(event: never) => void>>()
  private queue = {
    waiting: [] as string[],
    paused: false,
    stopAfterCurrent: false,
    running: undefined as string | undefined,
  }

  constructor(private readonly options: FakeOptions = {}) {
    this.project = options.project
    this.shell = options.shell ?? 'browser'
  }

  on<E extends EventName>(name: E, listener: (event: Events[E]) => void): () => void {
    const set = this.listeners.get(name) ?? new Set()
    this.listeners.set(name, set)
    set.add(listener as (event: never) => void)
    return () => set.delete(listener as (event: never) => void)
  }

  emit<E extends EventName>(name: E, event: Events[E]): void {
    this.listeners.get(name)?.forEach((listener) => listener(event as never))
  }

  filesOf: Host['filesOf'] = async (files) =>
    files.map(({ relativePath }, at) => ({
      id: `d${at}`,
      name: relativePath.split('/')[0]!,
      bytes: 1000,
      kind: 'model' as const,
    }))

  async invoke<M extends MethodName>(name: M, input: MethodInput<M>): Promise<MethodOutput<M>> {
    // Across a real border everything is copied; what cannot be cloned fails here too.
    structuredClone(input)
    const handler = this.handlers[name] as ((input: MethodInput<M>) => MethodOutput<M>) | undefined
    if (!handler) throw new PareError('not-found', { what: 'method', id: name })
    return structuredClone(await handler(input))
  }

  private readonly found = new Map<string, { counts: SamplePage['counts']; rows: SampleRow[] }>()

  /** Kept, as a backend keeps them: its work must not be taken for the window's. */
  private rowsOf(candidates: number, filter: SampleFilter, klass: number | undefined) {
    const key = `${candidates} ${filter} ${klass}`
    const kept = this.found.get(key)
    if (kept) return kept
    const all = Array.from({ length: this.options.samples ?? 360 }, (_, at) => row(at, candidates)).filter(
      ({ label }) => klass === undefined || label === String(klass),
    )
    const right = ({ label, original }: SampleRow): boolean => original.answer === label
    const kinds: Record<SampleFilter, (row: SampleRow) => boolean> = {
      all: () => true,
      changed: (r) => r.candidates.some(({ changed }) => changed),
      'now-wrong': (r) => right(r) && r.candidates.some(({ answer }) => answer !== r.label),
      'now-right': (r) => !right(r) && r.candidates.some(({ answer }) => answer === r.label),
    }
    const count = (kind: SampleFilter): number => all.filter(kinds[kind]).length
    const counts = {
      all: all.length,
      changed: count('changed'),
      'now-wrong': count('now-wrong'),
      'now-right': count('now-right'),
    }
    const made = { counts, rows: all.filter(kinds[filter]) }
    this.found.set(key, made)
    return made
  }

  private change(part: Partial<Project>): Project {
    this.project = { ...this.mine(), ...part }
    this.emit('project.changed', { project: this.project.id })
    return this.project
  }

  private mine(): Project {
    if (!this.project) throw new PareError('not-found', { what: 'project', id: '' })
    return this.project
  }

  /** A run that takes about two seconds and ends with candidates. */
  private start(): Run {
    const done = fixture.finishedRun()
    const goal = this.mine().goal ?? done.goal
    const base: Run = {
      ...done,
      goal,
      status: 'running',
      seconds: 0,
      candidates: [],
      createdAt: new Date().toISOString(),
      explanation: undefined,
      curve: undefined,
    }
    let tick = 0
    const TICKS = 20
    this.queue.running = base.id
    this.emit('queue.changed', {})
    const timer = setInterval(() => {
      tick++
      const steps = done.steps.map((step, at): Run['steps'][number] => {
        const at4 = Math.floor((tick / TICKS) * 4)
        if (at < at4) return step
        return { pass: step.pass, title: step.title, state: at === at4 ? 'running' : 'waiting' }
      })
      const current = this.mine().runs.find(({ id }) => id === base.id)
      if (tick > TICKS || current?.status === 'cancelled') {
        clearInterval(timer)
        this.queue.running = undefined
        if (tick > TICKS) this.change({ runs: [{ ...done, goal, createdAt: base.createdAt }] })
        this.emit('queue.changed', {})
        this.emit('run.ended', {
          run: base.id,
          project: base.project,
          status: 'done',
          title: 'Done',
          message: 'Five candidates.',
        })
        return
      }
      this.emit('run.progress', {
        run: base.id,
        project: base.project,
        done: tick / TICKS,
        doing: 'Measuring candidate 3 of 5',
        etaSeconds: (TICKS - tick) * 10,
      })
      this.change({
        runs: [
          {
            ...base,
            seconds: tick,
            steps,
            candidates: done.candidates.slice(0, Math.floor(tick / 4)),
            original: done.original,
          },
        ],
      })
    }, 100)
    this.change({ runs: [base] })
    return base
  }

  private readonly handlers: Handlers = {
    'app.info': () => ({
      version: '0.1.0',
      shell: 'browser',
      platform: 'linux',
      providers: [
        { id: 'cpu', title: 'CPU', available: true },
        { id: 'webgpu', title: 'WebGPU', available: false, reason: 'no adapter was found' },
      ],
      cores: 8,
      memoryBytes: 16e9,
    }),
    'app.about': () => ({ version: '0.1.0', licences: 'onnxruntime-node: MIT' }),
    'settings.get': () => this.settings,
    'settings.set': (change) => (this.settings = { ...this.settings, ...change }),
    'place.get': () => ({ address: this.address }),
    'place.set': ({ address }) => void (this.address = address),
    'notices.list': () => this.notices,
    'notices.dismiss': ({ notice }) => void (this.notices = this.notices.filter(({ id }) => id !== notice)),
    'projects.list': () => (this.project ? [summary(this.project)] : []),
    'projects.create': () =>
      (this.project = fixture.project({
        name: 'New project',
        model: { state: 'empty' },
        data: { state: 'empty' },
      })),
    'projects.get': () => this.mine(),
    'projects.rename': ({ name }) => this.change({ name }),
    'projects.remove': () => void (this.project = undefined),
    'samples.list': () => [
      {
        id: 'digits',
        title: 'Handwritten digits',
        description: 'LeNet-5 with 1,797 labelled pictures; 249 kB.',
        shows: 'A classifier of pictures becomes several times smaller.',
        minutes: 2,
        picture: fixture.sample(3).thumbnail,
      },
      {
        id: 'bearing',
        title: 'Bearing vibration',
        description: 'A small 1-D network that hears which bearing is worn.',
        shows: 'A model of signals shrinks.',
        minutes: 2,
        picture: fixture.sample(4).thumbnail,
      },
    ],
    'samples.open': () => (this.project = fixture.project()),
    'project.take': ({ files }) => {
      const models = files.map((id) => ({ id, name: `${id}.onnx`, bytes: 248_733, kind: 'model' as const }))
      return {
        project: this.change({ model: fixture.project().model, data: fixture.project().data }),
        taken: models.slice(0, 1),
        refused: [],
        ...(models.length > 1 && { several: models }),
      }
    },
    'project.combine': () => this.change({ model: fixture.project().model }),
    'project.setGoal': ({ goal }) => this.change({ goal: goal as NonNullable<Project['goal']> }),
    'project.clearData': () => this.change({ data: { state: 'empty' } }),
    'model.histogram': ({ layer, candidate }) => {
      const edges = Array.from({ length: 41 }, (_, at) => (at - 20) / 50)
      const bell = edges.slice(1).map((edge) => Math.round(900 * Math.exp(-((edge / 0.12) ** 2))))
      return {
        layer,
        edges,
        before: bell,
        ...(candidate ? { after: bell.map((n, at) => (at % 3 === 1 ? n * 3 : 0)) } : {}),
      }
    },
    'model.sensitivity': () => ({
      samples: 32,
      entries: [8, 4, 2].map((bits) => ({
        layer: '/fc1/Gemm',
        op: 'Gemm',
        parameters: 400_500,
        technique: 'bits' as const,
        strength: bits,
        points: 8 - bits,
        sqnr: 6 * bits,
        weightSqnr: 6 * bits,
      })),
      measured: 3,
    }),
    'model.diff': ({ candidate }) => graphDiff(this.options.nodes ?? 60, candidate !== undefined),
    'model.node': ({ node, candidate }) => {
      const found = graphDiff(this.options.nodes ?? 60, candidate !== undefined).nodes.find(
        ({ id }) => id === node,
      )!
      const side = {
        op: found.op,
        name: found.label,
        attributes: [{ name: 'group', value: '1' }],
        inputs: [{ name: 'x' }, { name: `${node}.weight`, dtype: 'float32', dims: [4, 4], bytes: 64 }],
        outputs: [node],
      }
      const after = { ...side, attributes: [{ name: 'group', value: '2' }] }
      return { original: side, ...(candidate && { candidate: after }) }
    },
    'model.costs': () =>
      Object.fromEntries(
        graphDiff(this.options.nodes ?? 60, false).nodes.map(({ id }, at) => [
          id,
          { shape: [1, 16, 28 - (at % 20), 28], dtype: 'float32', macs: 1000 * at, parameters: 16 },
        ]),
      ),
    'data.samples': ({ offset, limit }) => ({
      total: 360,
      samples: Array.from({ length: Math.min(limit, 360 - offset) }, (_, at) => fixture.sample(offset + at)),
    }),
    'data.setPreprocessing': () => this.mine(),
    'data.setRoles': ({ roles }) => this.change({ roles }),
    'data.setSplits': () => this.mine(),
    'data.findPreprocessing': () => {
      const data = fixture.loadedData()
      const p = data.summary.preprocessing
      if (p.kind !== 'image') return this.mine()
      return this.change({
        data: {
          state: 'ready',
          file: { id: 'f2', name: 'digits', bytes: 812_000, kind: 'dataset' },
          value: {
            ...data,
            trials: [
              { preprocessing: p, score: 0.9778, better: false, explanation: 'values 0 to 1' },
              {
                preprocessing: { ...p, mean: [0.5], std: [0.5] },
                score: 0.931,
                better: false,
                explanation: 'values −1 to 1',
              },
              { preprocessing: { ...p, invert: true }, score: 0.102, better: false, explanation: 'inverted' },
            ],
          },
        },
      })
    },
    ...pluginHandlers(this),
    'passes.list': () => fixture.passes,
    'recipes.presets': () => fixture.presets,
    'targets.list': () => targets,
    'recipes.check': ({ recipe }) => {
      const problems = recipe.steps.flatMap(({ params }, step) =>
        (params?.samples as number) > 180
          ? [{ step, message: 'Calibration samples: only 180 are there.' }]
          : [],
      )
      return { ok: !problems.length, problems }
    },
    'recipes.expect': ({ recipe }) => ({
      seconds: 25 * recipe.steps.length,
      bytes: Math.round(248_733 / 2 ** recipe.steps.length),
    }),
    'recipes.export': ({ recipe }) => ({ name: 'recipe.json', text: JSON.stringify(recipe, undefined, 2) }),
    'runs.start': () => this.start(),
    'runs.get': () => this.mine().runs[0]!,
    'runs.cancel': () => {
      const runs = this.mine().runs.map((run) => ({ ...run, status: 'cancelled' as const, resumable: true }))
      this.change({ runs })
      return runs[0]!
    },
    'runs.resume': () => this.start(),
    'queue.get': () => ({ ...this.queue }),
    'queue.pause': ({ paused }) => {
      this.queue.paused = paused
      this.emit('queue.changed', {})
    },
    'queue.stopAfterCurrent': ({ on }) => {
      this.queue.stopAfterCurrent = on
      this.emit('queue.changed', {})
    },
    'compare.samples': ({ candidates, filter, offset, limit, class: klass }) => {
      const { counts, rows } = this.rowsOf(candidates.length, filter, klass)
      return { total: rows.length, counts, rows: rows.slice(offset, offset + limit) }
    },
    'compare.sample': ({ index, candidates }) => ({
      preview: fixture.sample(index),
      row: row(index, candidates.length),
      outputs: ['Original', ...candidates].map((name, at) => ({
        name,
        view: {
          kind: 'numbers',
          sure: true,
          values: Array.from({ length: 5 }, (_, n) => ({
            name: String((index + n) % 10),
            value: Math.exp(-n * (2 - at * 0.4)) * 0.9,
          })),
        },
      })),
    }),
    'compare.previews': ({ samples }) => samples.map((index) => fixture.sample(index)),
    'compare.operators': () =>
      fixture.inspection.layers.map(({ op, layer }, at) => ({
        op,
        layer,
        original: 0.12 / (at + 1),
        candidate: 0.1 / (at + 1),
      })),
    'compare.together': () => this.mine(),
    'compare.stop': () => undefined,
    'compare.report': () => ({ name: 'digits.html', html: '<!doctype html><title>Report</title>' }),
    'export.plan': ({ target }) => ({
      entries: [
        { name: 'model.onnx', bytes: 68_500, what: 'the compressed model' },
        { name: 'model.ort', bytes: 71_200, what: 'the same for ONNX Runtime Mobile' },
        {
          name: 'required_operators.config',
          bytes: 180,
          what: 'for a runtime build with just these operators',
        },
        { name: 'manifest.json', bytes: 2_310, what: 'names, shapes, preprocessing, check sums' },
        { name: 'golden/inputs.npz', bytes: 25_400, what: 'inputs a device can check itself with' },
        { name: 'golden/outputs.npz', bytes: 640, what: 'what must come out' },
        { name: 'report.html', bytes: 88_000, what: 'everything that was measured' },
        { name: 'README.md', bytes: 4_200, what: 'how to use it' },
      ].map((entry) => ({ ...entry, downloadBytes: Math.round(entry.bytes / 3.25) })),
      bytes: 260_430,
      downloadBytes: 21_080,
      checks:
        target === 'ios'
          ? [
              {
                ok: false,
                severity: 'warning',
                message:
                  'CoreML has no integer operators: this model runs on the CPU there. For the neural engine, export the half-precision candidate.',
              },
            ]
          : [
              {
                ok: true,
                severity: 'info',
                message: 'Every operator is in ONNX Runtime 1.30; opset 18 is fine.',
              },
            ],
      snippets: [
        {
          language: 'kotlin',
          title: 'Kotlin',
          code: 'val session = env.createSession(bytes)\nval output = session.run(mapOf("image" to tensor))',
        },
        {
          language: 'python',
          title: 'Python',
          code: 'import onnxruntime as ort\nsession = ort.InferenceSession("model.onnx")\nlogits = session.run(None, {"image": x})[0]',
        },
      ],
    }),
    'export.write': ({ candidate, target }) => {
      const record = {
        id: 'e1',
        candidate,
        target,
        where: '~/Pare/exports/lenet5-any.zip',
        bytes: 131_000,
        at: new Date().toISOString(),
      }
      this.change({ exports: [record] })
      return { record }
    },
    'export.show': () => {},
    'export.drag': () => {},
  }
}
