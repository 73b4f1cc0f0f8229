/** TypeScript for React Native; the same code runs with onnxruntime-node and onnxruntime-web. */
import {
  imageOf,
  inputWords,
  sizeOfPort,
  spread,
  type Language,
  type SnippetContext,
  type SnippetPort,
} from './context'
import { decisionOf, readsLabels, written, type Of } from './decision'
import { javascriptString } from './literals'
import { scaledInputs } from './scaled'

const ARRAYS: Record<string, string> = {
  float32: 'Float32Array',
  float64: 'Float64Array',
  int64: 'BigInt64Array',
  int32: 'Int32Array',
  int8: 'Int8Array',
  uint8: 'Uint8Array',
  bool: 'Uint8Array',
  float16: 'Uint16Array',
}

const arrayOf = (port: SnippetPort): string => ARRAYS[port.dtype] ?? 'Float32Array'

const scaled = (context: SnippetContext): string =>
  scaledInputs(context, (a, b) => (b === 1 ? a : `Math.floor(${a} / ${b})`))
    .map(
      ({ function: name, size, source, channel, scale, mean, std }) => `
/** Of ${size} numbers as they are stored, in the order of preprocessing.json. */
export function ${name}(raw: ArrayLike<number>): Float32Array {
  const mean = [${mean.join(', ')}]
  const std = [${std.join(', ')}]
  const out = new Float32Array(${size})
  for (let i = 0; i < ${size}; i++) out[i] = (raw[${source}]! * ${scale} - mean[${channel}]!) / std[${channel}]!
  return out
}
`,
    )
    .join('')

function preprocess(context: SnippetContext): string {
  const image = imageOf(context)
  if (!image) return scaled(context)
  const { width, height, channels, layout, scale, mean, std, order, invert } = image
  const at = layout === 'nhwc' ? `i * ${channels} + c` : `c * ${width * height} + i`
  const source =
    order === 'bgr' ? `pixels[i * ${channels} + ${channels - 1} - c]!` : `pixels[i * ${channels} + c]!`
  return `
/** Pixels of a ${width} × ${height} image (${image.resize}), ${channels} byte${channels === 1 ? ' (grey)' : 's (RGB)'} a pixel, row by row. */
export function prepare(pixels: Uint8Array): Float32Array {
  const mean = [${spread(mean, channels)}]
  const std = [${spread(std, channels)}]
  const out = new Float32Array(${channels * width * height})
  for (let i = 0; i < ${width * height}; i++)
    for (let c = 0; c < ${channels}; c++)
      out[${at}] = (${invert ? `(255 - ${source})` : source} * ${scale} - mean[c]!) / std[c]!
  return out
}
`
}

function predict(context: SnippetContext, parameters: string): string {
  const decision = decisionOf(context)
  if (!decision) return ''
  const given = context.inputs.map(({ variable }) => variable)
  const run = `await run(${given.join(', ')})`
  const body = {
    named: ({ label }: Of<'named'>) => [
      'string',
      `((await ask(${[javascriptString(label), ...given].join(', ')})).data as string[])[0]!`,
    ],
    highest: () => ['string', `labels[classify(${run})]!`],
    held: ({ threshold }: Of<'held'>) => [
      'string[]',
      `((scores) => labels.filter((_, i) => scores[i]! > ${threshold}))(${run})`,
    ],
    second: ({ threshold }: Of<'second'>) => ['string', `labels[(${run})[0]! > ${threshold} ? 1 : 0]!`],
    happens: ({ threshold }: Of<'happens'>) => ['boolean', `(${run})[0]! >= ${threshold}`],
  }
  const [type, expression] = written(decision, body)
  return `
/** ${decision.words}. */
export async function predict(${parameters}): Promise<${type}> {
  return ${expression}
}
`
}

export const javascript: Language = {
  language: 'javascript',
  title: 'React Native',
  fence: 'ts',
  code(context) {
    const { inputs, answer, classes, file } = context
    const arguments_ = inputs.map((port) => `${port.variable}: ${arrayOf(port)}`).join(', ')
    const feeds = inputs.map((port) => {
      const shape = `[${port.dims.join(', ')}]`
      // Computed, as "__proto__" plain would set the prototype.
      const key = port.name === '__proto__' ? '["__proto__"]' : javascriptString(port.name)
      return `    ${key}: new Tensor(${javascriptString(port.dtype)}, ${port.variable}, ${shape}),`
    })
    const given = inputs.map(({ variable }) => `, ${variable}`).join('')
    const labels = readsLabels(decisionOf(context))
    return `// npm install onnxruntime-react-native · bundle ${file} as an asset and pass its path
// ONNX Runtime reports to Microsoft unless ORT_DISABLE_TELEMETRY=1 is set before it loads: see README.md.
import { InferenceSession, Tensor } from 'onnxruntime-react-native'

let session: InferenceSession
${
  labels
    ? `let labels: string[]

/** \`names\`: what labels.txt holds. */
export async function load(path: string, names: string): Promise<void> {
  labels = names.split('\\n').slice(0, -1)`
    : `
export async function load(path: string): Promise<void> {`
}
  session = await InferenceSession.create(path)
}
${preprocess(context)}
/** ${inputs.map((port) => `${port.variable}: ${sizeOfPort(port)} values`).join('; ')}, ${inputWords(context)}. */
export async function run(${arguments_}): Promise<Float32Array> {
  return (await ask(${javascriptString(answer.name)}${given})).data as Float32Array
}
${predict(context, arguments_)}
async function ask(output: string, ${arguments_}): Promise<Tensor> {
  const feeds = {
${feeds.join('\n')}
  }
  return (await session.run(feeds, [output]))[output]!
}
${classes ? '\nexport const classify = (scores: Float32Array): number => scores.indexOf(Math.max(...scores))\n' : ''}`
  },
}
