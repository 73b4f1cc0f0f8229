/** Realistic data for the window without a backend; figures are those of the digits reference models. */
import type { ModelInspection } from '../../../src/contract/model'
import type { PassDescription } from '../../../src/contract/passes'
import type { Candidate, LoadedData, Project, Run } from '../../../src/contract/project'
import type { Preset, Recipe } from '../../../src/contract/recipe'
import type { Quality, Report } from '../../../src/contract/report'

const layer = (node: string, op: string, parameters: number, macs: number, shape: number[]) => ({
  layer: `/${node}/${op}_output_0`,
  node: `/${node}/${op}`,
  op,
  parameters,
  bytes: parameters * 4,
  macs,
  shape,
  dtype: 'float32',
})

export const inspection: ModelInspection = {
  path: 'lenet5.onnx',
  bytes: 248_733,
  parameters: 61_706,
  macs: 416_520,
  opset: 18,
  opsets: { '': 18 },
  irVersion: 10,
  producer: 'pytorch 2.7.0',
  inputs: [{ name: 'image', dtype: 'float32', dims: ['batch', 1, 28, 28] }],
  outputs: [{ name: 'logits', dtype: 'float32', dims: ['batch', 10] }],
  nodes: 12,
  operators: [
    { op: 'Conv', count: 2, parameters: 2_572, macs: 357_600 },
    { op: 'Gemm', count: 3, parameters: 59_134, macs: 58_920 },
    { op: 'Relu', count: 4, parameters: 0, macs: 0 },
    { op: 'MaxPool', count: 2, parameters: 0, macs: 0 },
    { op: 'Flatten', count: 1, parameters: 0, macs: 0 },
  ],
  layers: [
    layer('conv1', 'Conv', 156, 117_600, [1, 6, 28, 28]),
    layer('relu1', 'Relu', 0, 0, [1, 6, 28, 28]),
    layer('conv2', 'Conv', 2_416, 240_000, [1, 16, 10, 10]),
    layer('fc1', 'Gemm', 48_120, 48_000, [1, 120]),
    layer('fc2', 'Gemm', 10_164, 10_080, [1, 84]),
    layer('fc3', 'Gemm', 850, 840, [1, 10]),
  ],
  issues: [
    {
      kind: 'dynamic-shape',
      message:
        'The first size of “image” (batch) is left open. That is fine here; an NPU wants it fixed, which Export can do.',
      severity: 'info',
    },
  ],
  sha256: 'a'.repeat(64),
}

const quality = (value: number): Quality => ({
  metric: 'accuracy',
  value,
  samples: 360,
  interval: [value - 0.012, Math.min(1, value + 0.009)],
  higherIsBetter: true,
  others: { f1: value - 0.001 },
  split: 'validation',
  task: 'classification',
})

const classes = Array.from({ length: 10 }, (_, index) => String(index))

const confusion = (wrong: number): number[][] =>
  classes.map((_, truth) =>
    classes.map((__, answer) => {
      if (answer === truth) return 36 - (truth < wrong ? 1 : 0)
      return truth < wrong && answer === (truth * 7 + 3) % 10 ? 1 : 0
    }),
  )

export const report = (part: Partial<Report> & { accuracy?: number; p50?: number }): Report => {
  const { accuracy = 0.9778, p50 = 0.4, ...rest } = part
  return {
    path: 'model.onnx',
    bytes: 248_733,
    downloadBytes: 229_020,
    parameters: 61_706,
    nonzeroParameters: 61_706,
    macs: 416_520,
    quality: quality(accuracy),
    latencyMs: { p50, p95: p50 * 1.4, runs: 400, batch: 1, provider: 'cpu', threads: 2 },
    peakMemoryBytes: 9_400_000,
    energyMicrojoules: 1.92,
    energySource: 'operation counts × energies of Horowitz, ISSCC 2014 (45 nm)',
    sha256: 'b'.repeat(64),
    confusion: confusion(Math.round((1 - accuracy) * 360) % 10),
    classes,
    notes: [],
    ...rest,
  }
}

export const original = report({})

const number = (
  name: string,
  label: string,
  value: number,
  minimum: number,
  maximum: number,
  help: string,
) => ({
  name,
  kind: 'number' as const,
  label,
  help,
  default: value,
  minimum,
  maximum,
})
const none = { after: [], sources: [], needs: [] }

export const passes: PassDescription[] = [
  {
    ...none,
    id: 'simplify',
    title: 'Simplify',
    family: 'clean-up',
    role: 'normalizes',
    summary: 'Folds constants and BatchNormalization, drops what nobody uses.',
    parameters: [],
  },
  {
    ...none,
    id: 'float16',
    title: 'Half precision',
    family: 'precision',
    role: 'encodes',
    summary: 'Stores weights as 16-bit floating point.',
    parameters: [
      {
        name: 'keepInputs',
        kind: 'boolean',
        label: 'Keep inputs and outputs in float32',
        help: 'Safest for every runtime.',
        default: true,
      },
    ],
  },
  {
    ...none,
    id: 'quantize-static',
    title: 'Static integer quantization',
    family: 'quantization',
    role: 'encodes',
    summary: 'Weights and activations as 8-bit whole numbers, with ranges found on calibration samples.',
    sources: ['ONNX QuantizeLinear'],
    needs: ['calibration'],
    parameters: [
      {
        name: 'calibration',
        kind: 'choice',
        label: 'How ranges are found',
        help: 'MSE is slower and usually best.',
        default: 'mse',
        choices: ['minmax', 'percentile', 'entropy', 'mse'],
      },
      {
        ...number('samples', 'Calibration samples', 128, 1, 4096, 'More is steadier and slower.'),
        kind: 'integer',
      },
      {
        name: 'perChannel',
        kind: 'boolean',
        label: 'A scale for every channel',
        help: 'Costs nothing at run time; almost always better.',
        default: true,
      },
      {
        name: 'exclude',
        kind: 'list',
        label: 'Leave out these layers',
        help: 'Names, separated by commas.',
        default: [],
      },
      {
        ...number('percentile', 'Percentile', 99.99, 90, 100, 'Only for the percentile method.'),
        advanced: true,
      },
    ],
  },
  {
    ...none,
    id: 'prune-magnitude',
    title: 'Prune small weights',
    term: 'unstructured pruning',
    family: 'pruning',
    role: 'removes',
    summary: 'Sets the smallest weights to zero, so that the file packs well.',
    sources: ['arXiv:1510.00149'],
    parameters: [number('sparsity', 'Share of zeros', 0.5, 0, 0.99, 'How much of each layer becomes zero.')],
  },
  {
    ...none,
    id: 'share-weights',
    title: 'Share weights',
    family: 'sharing',
    role: 'encodes',
    summary: 'Gives each layer a few distinct values.',
    sources: ['arXiv:1510.00149'],
    parameters: [
      {
        ...number('bits', 'Bits for each weight', 5, 1, 8, '5 bits are 32 values.'),
        kind: 'integer',
        unit: 'bit',
      },
    ],
  },
  {
    ...none,
    id: 'finetune',
    title: 'Fine-tune',
    family: 'training',
    role: 'trains',
    summary: 'Learns on your training samples to win back quality.',
    needs: ['training', 'labels'],
    parameters: [
      number('effort', 'Effort', 1, 0.1, 10, 'How long to learn.'),
      {
        name: 'epochs',
        kind: 'integer',
        label: 'Epochs',
        help: 'Times over all training samples.',
        default: 20,
        minimum: 1,
        maximum: 1000,
        group: 'training',
      },
      { ...number('rate', 'Learning rate', 0.001, 0, 1, 'Smaller is slower and safer.'), group: 'training' },
    ],
  },
]

const recipe = (name: string, ...ids: string[]): Recipe => ({
  pare: 1,
  name,
  description: '',
  steps: ids.map((pass) => ({ pass, params: {} })),
})

export const presets: Preset[] = [
  {
    ...recipe('Safe', 'simplify', 'float16'),
    id: 'safe',
    description: 'Cleans up and halves the weights.',
    cost: 'nothing that can be measured.',
  },
  {
    ...recipe('Balanced', 'simplify', 'quantize-static'),
    id: 'balanced',
    description: 'Eight-bit whole numbers with calibrated ranges.',
    cost: '0 to 0.5 points; some small nets run slower.',
  },
  {
    ...recipe('Smallest download', 'simplify', 'prune-magnitude', 'finetune', 'share-weights'),
    id: 'smallest',
    description: 'Prunes, learns again, and shares values.',
    cost: 'up to 1 point and some minutes of learning.',
  },
  {
    ...recipe('Fastest', 'simplify', 'quantize-static'),
    id: 'fastest',
    description: 'What runs fastest on this machine, by measuring.',
    cost: '0 to 1 point.',
  },
]

/** A digit-like picture; a data URL without any image library. */
const picture = (index: number): string =>
  `data:image/svg+xml,${encodeURIComponent(
    `<svg xmlns="http://www.w3.org/2000/svg" width="28" height="28"><rect width="28" height="28" fill="#111"/><text x="14" y="22" fill="#eee" font-size="22" font-family="sans-serif" text-anchor="middle">${index % 10}</text></svg>`,
  )}`

export const sample = (index: number) => ({
  index,
  title: `${index % 10}/${String(index).padStart(4, '0')}.png`,
  label: String(index % 10),
  thumbnail: picture(index),
})

export const loadedData = (): LoadedData => ({
  spec: { task: 'classification' },
  summary: {
    kind: 'images',
    task: 'classification',
    description: '1,797 images in 10 class folders',
    samples: 1797,
    splits: {
      calibration: { samples: 180, origin: 'made' },
      training: { samples: 1257, origin: 'made' },
      validation: { samples: 360, origin: 'made' },
    },
    classes,
    classCounts: classes.map(() => 180),
    preprocessing: {
      kind: 'image',
      width: 28,
      height: 28,
      channels: 1,
      resize: 'stretch',
      cropRatio: 1,
      order: 'rgb',
      layout: 'nchw',
      scale: 1 / 255,
      mean: [0],
      std: [1],
      invert: false,
    },
    notes: [],
  },
  baseline: quality(0.9778),
  looksLikeChance: false,
  doubts: [],
})

export const candidate = (
  n: number,
  name: string,
  part: Parameters<typeof report>[0],
  verdict: string,
  flags: Partial<Candidate> = {},
): Candidate => ({
  id: `run1-${n}`,
  run: 'run1',
  name,
  recipe: recipe(name, 'simplify', 'quantize-static'),
  report: report({
    fidelity: { cosine: 0.998, sqnr: 27.4, agreement: 0.994, maxAbsoluteError: 0.4, samples: 360 },
    ...part,
  }),
  verdict,
  onFront: true,
  insideLimit: true,
  ...flags,
})

const reports = inspection.layers
  .filter(({ parameters }) => parameters)
  .map(({ layer: name, op, bytes }, at) => ({
    layer: name,
    op,
    treatment: 'int8 per-channel',
    bytesBefore: bytes,
    bytesAfter: Math.round(bytes / 4) + 60,
    weightSqnr: 41.2 - at,
    activationSqnr: 36.1 - at * 2.3,
  }))

export const finishedRun = (): Run => ({
  id: 'run1',
  project: 'digits',
  name: 'Find the best for me',
  goal: { kind: 'search', maxDrop: 1, target: 'any', minutes: 30 },
  status: 'done',
  createdAt: new Date(Date.now() - 3_600_000).toISOString(),
  seconds: 214,
  progress: { done: 1, doing: '' },
  steps: [
    {
      pass: 'simplify',
      title: 'Simplify',
      state: 'done',
      record: {
        pass: 'simplify',
        params: {},
        seconds: 0.4,
        summary: '14 → 12 operators; same answers.',
        skipped: [],
      },
    },
    {
      pass: 'prune-magnitude',
      title: 'Prune small weights',
      state: 'done',
      record: {
        pass: 'prune-magnitude',
        params: {},
        seconds: 0.2,
        summary: 'Set 80% of the weights to zero; accuracy 97.8 → 71.4 before recovery.',
        skipped: [{ layer: 'conv1', reason: 'too small to matter' }],
      },
    },
    {
      pass: 'finetune',
      title: 'Fine-tune',
      state: 'done',
      record: {
        pass: 'finetune',
        params: {},
        seconds: 41,
        summary: 'Learned 20 epochs; accuracy 71.4 → 97.2.',
        skipped: [],
      },
    },
    {
      pass: 'quantize-static',
      title: 'Static integer quantization',
      state: 'done',
      record: {
        pass: 'quantize-static',
        params: {},
        seconds: 2.3,
        summary: 'Five layers to int8 per channel, ranges from 128 samples.',
        skipped: [],
      },
    },
  ],
  candidates: [
    candidate(
      0,
      'int8, calibrated',
      {
        bytes: 68_400,
        downloadBytes: 55_300,
        accuracy: 0.975,
        p50: 0.61,
        layers: reports,
        notes: [
          'int8 is slower than float on this machine (0.61 against 0.40 ms). For speed, choose half precision.',
        ],
      },
      '4.1× smaller download, 0.66× as fast, −0.3 points: inside your limit',
    ),
    candidate(
      1,
      'pruned 80%, int8',
      {
        bytes: 68_500,
        downloadBytes: 21_080,
        accuracy: 0.9722,
        nonzeroParameters: 12_341,
        p50: 0.6,
        layers: reports,
      },
      '10.9× smaller download, −0.6 points: inside your limit',
    ),
    candidate(
      2,
      'half precision',
      { bytes: 125_300, downloadBytes: 113_800, accuracy: 0.9778, p50: 0.38 },
      '2.0× smaller download, 1.05× faster, ±0 points: inside your limit',
    ),
    candidate(
      3,
      'pruned 95%, 3 bit',
      { bytes: 41_000, downloadBytes: 9_800, accuracy: 0.9444, nonzeroParameters: 3_100 },
      '23.4× smaller download, −3.3 points: outside your limit',
      { insideLimit: false },
    ),
    candidate(
      4,
      'int8, min-max',
      { bytes: 68_400, downloadBytes: 55_900, accuracy: 0.9694 },
      '4.1× smaller download, −0.8 points: inside your limit',
      { onFront: false },
    ),
  ],
  original,
  curve: Array.from({ length: 20 }, (_, at) => ({
    epoch: at + 1,
    loss: 0.9 * Math.exp(-at / 5) + 0.06,
    quality: 0.972 - 0.258 * Math.exp(-at / 3),
  })),
  explanation:
    'Five recipes were measured in 3 min 34 s. Eight-bit whole numbers keep almost all answers; pruning before makes the download five times smaller again. Three-bit values lost more than you allow.',
  basis: 'lenet5 on digits',
  resumable: false,
})

export const project = (part: Partial<Project> = {}): Project => ({
  id: 'digits',
  name: 'Digits',
  createdAt: new Date(Date.now() - 7_200_000).toISOString(),
  updatedAt: new Date(Date.now() - 120_000).toISOString(),
  model: {
    state: 'ready',
    file: { id: 'f1', name: 'lenet5.onnx', bytes: 248_733, kind: 'model' },
    value: inspection,
  },
  data: {
    state: 'ready',
    file: { id: 'f2', name: 'digits', bytes: 812_000, kind: 'dataset' },
    value: loadedData(),
  },
  runs: [],
  exports: [],
  sittings: [],
  stale: [],
  ...part,
})
