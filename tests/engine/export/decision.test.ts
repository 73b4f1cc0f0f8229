/** What `predict` says of a sample, in every language: run where it can be, in TypeScript, and named alike in all. */
import ts from 'typescript'
import { expect, test } from 'vitest'
import { LANGUAGES } from '../../../src/engine/export/snippets'
import type { SnippetContext } from '../../../src/engine/export/snippets/context'

const context: SnippetContext = {
  file: 'model.ort',
  inputs: [{ name: 'x', variable: 'x', dtype: 'float32', dims: [1, 2] }],
  answer: { name: 'y', variable: 'y', dtype: 'float32', dims: [1, 3] },
  classes: false,
  form: {
    kind: 'array',
    scale: 1,
    mean: [0],
    std: [1],
    columns: {},
    inputs: [{ name: 'x', dtype: 'float32', dims: [2], from: { kind: 'array', array: 'x', dims: [2] } }],
  },
}

type Predict = (x: Float32Array) => Promise<unknown>

/** The TypeScript code on a runtime that gives these values. */
async function told(over: Partial<SnippetContext>, outputs: Record<string, unknown>): Promise<unknown> {
  const code = LANGUAGES.find(({ language }) => language === 'javascript')!.code({ ...context, ...over })
  const options = { module: ts.ModuleKind.CommonJS, target: ts.ScriptTarget.ES2022 }
  const { outputText } = ts.transpileModule(code, { compilerOptions: options })
  class Tensor {}
  const session = { run: async (_: unknown, [name]: [string]) => ({ [name]: { data: outputs[name] } }) }
  const runtime = { Tensor, InferenceSession: { create: async () => session } }
  const exported = {} as { predict: Predict; load: (path: string, names?: string) => Promise<void> }
  new Function('exports', 'require', outputText)(exported, () => runtime)
  await exported.load('model.ort', 'ash\nelm\noak\n')
  return exported.predict(new Float32Array(2))
}

const scores = (...values: number[]): Record<string, unknown> => ({ y: Float32Array.from(values) })

const KINDS: [string, Partial<SnippetContext>, [Record<string, unknown>, unknown][], string[]][] = [
  [
    'the highest of classes',
    { classes: true, labels: true },
    [[scores(0.1, 0.7, 0.2), 'elm']],
    ['): String', '-> String', 'Promise<string>', 'LABELS[classify(', 'std::string predict('],
  ],
  [
    'labels that hold',
    { several: true, labels: true, threshold: 0.5 },
    [
      [scores(0.6, 0.5, 0.7), ['ash', 'oak']],
      [scores(0, 0, 0), []],
    ],
    [
      '): List<String>',
      '-> [String]',
      'Promise<string[]>',
      'zip(LABELS',
      'std::vector<std::string> predict(',
    ],
  ],
  [
    'one score of two classes',
    { labels: true, threshold: 0 },
    [
      [scores(0.01), 'elm'],
      [scores(0), 'ash'],
    ],
    ['): String', '-> String', 'Promise<string>', 'LABELS[int(', 'std::string predict('],
  ],
  [
    'something that happens',
    { threshold: 0.5 },
    [
      [scores(0.5), true],
      [scores(0.49), false],
    ],
    ['): Boolean', '-> Bool', 'Promise<boolean>', 'bool(', 'bool predict('],
  ],
  [
    'a name that the model looks up',
    { labels: true, label: 'name' },
    [[{ ...scores(1), name: ['oak'] }, 'oak']],
    ['): String', '-> String', 'Promise<string>', 'output="name")[0]', 'std::string predict('],
  ],
]

test.each(KINDS)('%s: predict says it', async (_, over, samples, says) => {
  for (const [outputs, expected] of samples) expect(await told(over, outputs)).toEqual(expected)
  const all = LANGUAGES.map((one) => one.code({ ...context, ...over }))
  // In the order of the registry: Kotlin, Swift, TypeScript, Python, C++.
  for (const [i, text] of says.entries()) expect(all[i]).toContain(text)
  const readsNames = over.labels === true && over.label === undefined
  for (const code of all) expect(code.includes('labels.txt')).toBe(readsNames)
})

test('what is no more than numbers has none', () => {
  for (const { code } of LANGUAGES) expect(code(context)).not.toContain('predict')
})
