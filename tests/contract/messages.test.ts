import { expect, test } from 'vitest'
import type { ErrorCode, ErrorData, ErrorFields } from '../../src/contract/errors'
import { errorMessage } from '../../src/contract/messages'

/** One example of every code; a code without a row does not compile. The words must appear in the sentences. */
const EXAMPLES: { [C in ErrorCode]: { fields: ErrorFields[C]; says: string[] } } = {
  'model/not-onnx': {
    fields: { file: '/data/notes.onnx', reason: 'it is a text file' },
    says: ['notes.onnx', 'text file'],
  },
  'model/truncated': {
    fields: { file: 'C:\\models\\net.onnx', at: 1_234_567 },
    says: ['net.onnx', '1.23 MB'],
  },
  'bundle/invalid': {
    fields: { path: '/b/photos.zip', reason: 'it holds no manifest.json' },
    says: ['photos.zip', 'no manifest.json'],
  },
  'bundle/differs': {
    fields: { path: '/b/small.zip', reasons: ['model.onnx is missing.', 'README.md is missing.'] },
    says: ['small.zip', 'model.onnx is missing. README.md is missing.'],
  },
  'plugin/failed': {
    fields: { plugin: '/p/mine.mjs', reason: 'it exports neither passes nor targets' },
    says: ['mine.mjs', 'neither passes nor targets'],
  },
  'model/changed-on-disk': { fields: { file: 'net.onnx' }, says: ['net.onnx'] },
  'model/external-data-missing': {
    fields: { file: 'net.onnx.data', tensor: 'fc1.weight' },
    says: ['fc1.weight', 'net.onnx.data'],
  },
  'model/external-data-escapes': {
    fields: { file: 'net.onnx', tensor: 'w', location: '../../etc/passwd' },
    says: ['../../etc/passwd'],
  },
  'model/unsupported-op': {
    fields: { op: 'Foo', domain: 'my.ops', node: 'layer7', by: 'Static quantization' },
    says: ['my.ops.Foo', 'layer7'],
  },
  'model/invalid': { fields: { file: 'net.onnx', reason: 'a cycle' }, says: ['net.onnx', 'a cycle'] },
  'model/not-loadable': {
    fields: { file: 'net.onnx', reason: 'no kernel for Foo.' },
    says: ['no kernel for Foo.'],
  },
  'model/run-failed': {
    fields: { file: '/m/shapes.onnx', reason: 'Reshape: 6 elements do not fit' },
    says: ['shapes.onnx', 'Reshape: 6 elements do not fit', 'inputs'],
  },
  'model/no-working-input': {
    fields: { file: '/m/vad.onnx', tried: ['x [1, 16]', 'x [1, 512]'], reason: 'Invalid input shape' },
    says: ['vad.onnx', '2 it tried', 'x [1, 16], x [1, 512]', 'Invalid input shape'],
  },
  'model/no-scores': { fields: { outputs: 'label (int64)' }, says: ['label (int64)', 'zipmap=False'] },
  'model/not-a-tensor': { fields: { file: 'net.onnx', input: 'items' }, says: ['net.onnx', 'items'] },
  'model/opset-too-old': {
    fields: { opset: 9, needed: 13, op: 'QuantizeLinear', by: 'Static quantization' },
    says: ['opset 9', 'opset 13'],
  },
  'model/nothing-to-do': {
    fields: { by: 'Prune channels', reason: 'no convolution' },
    says: ['Prune channels', 'no convolution'],
  },
  'model/non-finite': { fields: { tensor: 'logits', by: 'evaluation' }, says: ['logits'] },
  'data/not-found': { fields: { path: '/data/digits' }, says: ['/data/digits'] },
  'data/unreadable': { fields: { path: '/data/a.png', reason: 'not a PNG' }, says: ['a.png', 'not a PNG'] },
  'data/unrecognised': { fields: { path: '/data/x.bin', expected: 'NPZ' }, says: ['x.bin', 'NPZ'] },
  'data/empty': { fields: { path: '/data/empty' }, says: ['empty'] },
  'data/shape-mismatch': {
    fields: { input: 'x', expected: '[N, 1, 28, 28]', got: '[N, 64]' },
    says: ['[N, 1, 28, 28]', '[N, 64]'],
  },
  'model/not-combinable': {
    fields: { reason: 'there is one score in all' },
    says: ['one score', '--outputs'],
  },
  'data/characters-missing': {
    fields: { output: 'logits', scores: '97' },
    says: ['“logits”', '97 scores', 'characters.txt'],
  },
  'data/outputs-unknown': {
    fields: { expected: 'an output of one vector a sample', outputs: 'y [7, 4, 3]' },
    says: ['one vector', 'y [7, 4, 3]', '--output', '--task'],
  },
  'data/labels-out-of-range': { fields: { label: '12', classes: 10 }, says: ['12', '10 classes'] },
  'data/spec': { fields: { reason: 'it is not valid JSON' }, says: ['not valid JSON', 'pare data'] },
  'data/label-unclear': {
    fields: { path: '/data/drive.csv', columns: ['target', 'force'] },
    says: ['drive.csv', '“target”, “force”', '--label'],
  },
  'data/one-class': { fields: { by: 'fine-tune' }, says: ['fine-tune', 'same'] },
  'data/keypoints-unknown': {
    fields: { outputs: 'raw [1, 5]', keypoints: 17, known: ['heatmaps (maps)'], told: 'movenet' },
    says: ['raw [1, 5]', '17 keypoints', '“movenet”', 'heatmaps (maps)', '--boxes'],
  },
  'data/boxes-unknown': {
    fields: { outputs: 'raw [1, 255, 13, 13]', classes: 3, known: ['ssd (two outputs)'], told: 'yolov8' },
    says: ['raw [1, 255, 13, 13]', '3 classes', '“yolov8”', 'ssd (two outputs)', '--boxes'],
  },
  'data/labels-missing': { fields: { by: 'Fine-tuning' }, says: ['Fine-tuning'] },
  'data/split-missing': {
    fields: { split: 'calibration', by: 'Static quantization' },
    says: ['calibration'],
  },
  'pass/unknown': {
    fields: { pass: 'shrink', known: ['simplify', 'float16'] },
    says: ['shrink', 'simplify, float16'],
  },
  'target/unknown': {
    fields: { target: 'toaster', known: ['any', 'ios'] },
    says: ['toaster', 'any, ios'],
  },
  'pass/bad-parameter': {
    fields: { pass: 'prune', parameter: 'sparsity', reason: 'must be below 1' },
    says: ['prune', 'sparsity', 'below 1'],
  },
  'pass/failed': {
    fields: { pass: 'prune', node: 'conv1', reason: 'channels are coupled' },
    says: ['conv1', 'coupled'],
  },
  'pass/broke-model': { fields: { pass: 'float16', reason: 'outputs became NaN' }, says: ['float16', 'NaN'] },
  'recipe/order': {
    fields: { pass: 'Remove channels', after: 'Low-bit weights' },
    says: ['Remove channels', 'Low-bit weights'],
  },
  'recipe/unknown': {
    fields: { recipe: 'int8', known: ['safe', 'balanced'] },
    says: ['int8', 'safe, balanced', '--pass'],
  },
  'recipe/invalid': {
    fields: { file: 'my.recipe.json', reason: 'steps is missing' },
    says: ['my.recipe.json', 'steps is missing'],
  },
  'provider/unavailable': {
    fields: { provider: 'WebGPU', reason: 'no adapter' },
    says: ['WebGPU', 'no adapter'],
  },
  'engine/crashed': {
    fields: { exit: 'SIGSEGV', during: 'quantize-static' },
    says: ['SIGSEGV', 'quantize-static'],
  },
  'engine/out-of-memory': { fields: { during: 'calibration' }, says: ['calibration'] },
  'limit/memory': {
    fields: { what: 'a constant', needed: 8e9, budget: 2e9 },
    says: ['8 GB', '2 GB', 'a constant', '--memory'],
  },
  'limit/disk': {
    fields: { what: 'unpacking “a.zip”', needed: 8e9, budget: 2e9, path: '/data' },
    says: ['8 GB', '2 GB', 'a.zip'],
  },
  'data/gone': { fields: { path: '/data/digits' }, says: ['digits', 'changed, moved or deleted'] },
  'limits/no-board': {
    fields: { target: 'ios', known: ['c', 'cortex-m4f'] },
    says: ['ios', 'cortex-m4f', 'microcontroller'],
  },
  'limits/missed': {
    fields: { missed: ['it takes 2 MB', 'it loses 3 points'] },
    says: ['it takes 2 MB; it loses 3 points'],
  },
  'search/out-of-time': { fields: { minutes: 0.5, tried: 0 }, says: ['0.5 minutes', 'more time'] },
  'run/busy': {
    fields: { folder: '/out/small', holder: 'process 12 on desk', since: '2026-01-02T03:04:05Z' },
    says: ['small', 'process 12', '2026-01-02'],
  },
  'search/nothing-kept': {
    fields: { tried: 9, reason: 'only 128 weights' },
    says: ['9', 'only 128 weights', 'pare inspect'],
  },
  'disk/full': { fields: { path: '/data/model.onnx', needed: 5_000_000 }, says: ['model.onnx', '5 MB'] },
  'disk/denied': { fields: { path: '/data/x' }, says: ['x'] },
  'disk/failed': { fields: { path: '/data/x', reason: 'input/output error' }, says: ['input/output error'] },
  'app/address-used': { fields: {}, says: ['works once', 'Start Pare again'] },
  'app/connection-lost': { fields: {}, says: ['before it had answered', 'ask again'] },
  'app/set-aside': {
    fields: { kind: 'project', path: '/p/a.json', aside: '/p/set-aside/1-a.json', reason: 'it is not JSON' },
    says: ['a.json', 'a project', 'not JSON', 'set aside'],
  },
  'export/no-form': { fields: { reason: 'No model.ort: Foo is unknown.' }, says: ['Foo is unknown'] },
  'export/not-embedded': {
    fields: { reason: 'Texts become ids by their tokenizer.' },
    says: ['Texts become ids by their tokenizer.', 'Export without it'],
  },
  'export/not-reproduced': {
    fields: { sample: 3, input: 'image', reason: 'its numbers differ by up to 0.5' },
    says: ['Sample 3', '“image”', 'its numbers differ by up to 0.5'],
  },
  'export/at-chance': {
    fields: { score: '6 of 64 answers are right', samples: 64 },
    says: ['64 raw samples', '6 of 64 answers are right'],
  },
  'export/exists': { fields: { path: '/data/bundle.zip' }, says: ['bundle.zip'] },
  'not-found': { fields: { what: 'project', id: 'p1' }, says: ['project'] },
  'bad-request': {
    fields: { method: 'runs.start', reason: 'Choose a model first.' },
    says: ['Choose a model first.'],
  },
  cancelled: { fields: { during: 'evaluation' }, says: ['evaluation'] },
  internal: { fields: { reason: 'x is not a function' }, says: ['x is not a function'] },
}

test.each(Object.entries(EXAMPLES))('%s says what, where and what to do', (code, { fields, says }) => {
  const message = errorMessage({ code, ...fields } as ErrorData)
  expect(message.title.length).toBeGreaterThan(3)
  expect(message.what).toMatch(/[.!?]$|[^.]$/)
  expect(message.what).not.toMatch(/undefined|NaN bytes|\.\.$/)
  expect(message.todo.length).toBeGreaterThan(10)
  expect(message.todo).not.toContain('undefined')
  const whole = `${message.what} ${message.where} ${message.todo}`
  for (const word of says) expect(whole).toContain(word)
})

test('a code this table does not know still gives a sentence with its data', () => {
  const message = errorMessage({ code: 'future/thing', file: 'net.onnx' } as unknown as ErrorData)
  expect(message.what).toContain('net.onnx')
})
