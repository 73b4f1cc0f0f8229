/** A labelled set that a model was made for: the forms it is written in, and what the model answers when fed by hand. */
import fs from 'node:fs'
import path from 'node:path'
import { readModel } from '../../src/engine/onnx'
import { withSession } from '../../src/engine/runtime/session'
import { floatsOf, type Value } from '../../src/engine/runtime/value'
import type { Form, LabelledSet } from './data-forms'

interface Truth {
  inputs: Record<string, Value>[]
  /** Class numbers, numbers, or texts. */
  labels: readonly (number | string)[]
  /** Of texts: what each score stands for, nothing for the blank. */
  characters?: readonly string[]
}

export interface DataSet {
  /** Models it was made for, as files. */
  models: string[]
  forms: Readonly<Record<string, (folder: string) => Promise<void>>>
  /** What the model is to be fed on validation samples, and their labels. */
  truth: Truth
}

export const SPLIT_FILES = { calibration: 'calibration', train: 'train', validation: 'validation' }

export const rowsOf = ({ dims, data }: Value): Float32Array[] => {
  const size = dims.slice(1).reduce((a, b) => a * b, 1)
  const all = data as Float32Array
  return Array.from({ length: dims[0]! }, (_, i) => all.subarray(i * size, (i + 1) * size))
}

const written =
  (set: LabelledSet, form: Form) =>
  async (folder: string): Promise<void> => {
    for (const [name, content] of Object.entries(await form(set))) {
      const file = path.join(folder, name)
      fs.mkdirSync(path.dirname(file), { recursive: true })
      fs.writeFileSync(file, content)
    }
  }

export const formsOf = (set: LabelledSet, forms: Readonly<Record<string, Form>>): DataSet['forms'] =>
  Object.fromEntries(Object.entries(forms).map(([name, form]) => [name, written(set, form)]))

export const inBatches = (input: string, x: Value, size = 50): Record<string, Value>[] => {
  const rows = rowsOf(x)
  return Array.from({ length: Math.ceil(rows.length / size) }, (_, i) => {
    const part = rows.slice(i * size, (i + 1) * size)
    const data = new Float32Array(part.flatMap((row) => [...row]))
    return { [input]: { dtype: 'float32', dims: [part.length, ...x.dims.slice(1)], data } }
  })
}

/** Share of right answers, R² of numbers, or share of wrong characters, by ONNX Runtime alone. */
export async function trueScore(
  file: string,
  { inputs, labels, characters }: DataSet['truth'],
): Promise<number> {
  const model = readModel(file)
  const [input] = model.graph.requiredInputs
  const answers: Float32Array[] = []
  await withSession(model, { threads: 1 }, async (session) => {
    for (const feeds of inputs) {
      const fed = Object.fromEntries(
        Object.entries(feeds).map(([name, value]) => [name === 'x' ? input!.name : name, value]),
      )
      const output = floatsOf((await session.run(fed))[model.graph.outputs[0]!.name]!)
      const size = output.length / Object.values(feeds)[0]!.dims[0]!
      for (let at = 0; at < output.length; at += size) answers.push(output.slice(at, at + size))
    }
  })
  if (characters) return wrongShare(answers, labels as readonly string[], characters)
  if (answers[0]!.length > 1)
    return answers.filter((row, i) => row.indexOf(Math.max(...row)) === labels[i]).length / labels.length
  const numbers = labels as readonly number[]
  const mean = numbers.reduce((a, b) => a + b, 0) / numbers.length
  const squares = (of: (label: number, i: number) => number): number =>
    numbers.reduce((sum, label, i) => sum + of(label, i) ** 2, 0)
  return 1 - squares((label, i) => label - answers[i]![0]!) / squares((label) => label - mean)
}

/** Characters wrong among all: the strongest of every step, repeats once, no blanks; distances by the whole table. */
function wrongShare(
  answers: readonly Float32Array[],
  truth: readonly string[],
  characters: readonly string[],
): number {
  const width = characters.length
  const texts = answers.map((scores) => {
    const path = Array.from({ length: scores.length / width }, (_, t) => {
      const step = scores.subarray(t * width, (t + 1) * width)
      return step.indexOf(step.reduce((most, one) => Math.max(most, one), -Infinity))
    })
    return path
      .filter((c, t) => c !== path[t - 1])
      .map((c) => characters[c])
      .join('')
      .trim()
  })
  const wrong = texts.reduce((sum, text, i) => sum + distance([...text], [...truth[i]!]), 0)
  return wrong / truth.reduce((sum, text) => sum + [...text].length, 0)
}

/** Source: Wagner and Fischer 1974. */
function distance(a: readonly string[], b: readonly string[]): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (const [i, x] of a.entries())
    row = b.reduce(
      (next, y, j) => [...next, Math.min(row[j]! + Number(x !== y), row[j + 1]! + 1, next[j]! + 1)],
      [i + 1],
    )
  return row[b.length]!
}
