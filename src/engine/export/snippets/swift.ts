/** Swift for iOS and macOS: onnxruntime-objc. */
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
import { swiftString } from './literals'
import { scaledInputs } from './scaled'

const TYPES: Record<string, { array: string; element: string }> = {
  float32: { array: '[Float]', element: '.float' },
  int64: { array: '[Int64]', element: '.int64' },
  int32: { array: '[Int32]', element: '.int32' },
  int8: { array: '[Int8]', element: '.int8' },
  uint8: { array: '[UInt8]', element: '.uInt8' },
}

const typeOf = (port: SnippetPort): (typeof TYPES)[string] => TYPES[port.dtype] ?? TYPES.float32!

const scaled = (context: SnippetContext): string =>
  scaledInputs(context, (a, b) => `${a} / ${b}`)
    .map(
      ({ function: name, size, source, channel, scale, mean, std }) => `
    /// Of ${size} numbers as they are stored, in the order of preprocessing.json.
    static func ${name}(raw: [Float]) -> [Float] {
        let mean: [Float] = [${mean.join(', ')}]
        let std: [Float] = [${std.join(', ')}]
        var out = [Float](repeating: 0, count: ${size})
        for i in 0..<${size} {
            out[i] = (raw[${source}] * ${scale} - mean[${channel}]) / std[${channel}]
        }
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
    order === 'bgr' ? `pixels[i * ${channels} + ${channels - 1} - c]` : `pixels[i * ${channels} + c]`
  const value = `Float(${source})`
  return `
    /// Pixels of a ${width} × ${height} image (${image.resize}), ${channels} byte${channels === 1 ? ' (grey)' : 's (RGB)'} a pixel, row by row.
    static func prepare(pixels: [UInt8]) -> [Float] {
        let mean: [Float] = [${spread(mean, channels)}]
        let std: [Float] = [${spread(std, channels)}]
        var out = [Float](repeating: 0, count: ${channels * width * height})
        for i in 0..<${width * height} {
            for c in 0..<${channels} {
                out[${at}] = (${invert ? `(255 - ${value})` : value} * ${scale} - mean[c]) / std[c]
            }
        }
        return out
    }
`
}

function predict(context: SnippetContext, parameters: string): string {
  const decision = decisionOf(context)
  if (!decision) return ''
  const given = context.inputs.map(({ variable }) => `${variable}: ${variable}`).join(', ')
  const run = `run(${given})`
  const body = {
    named: ({ label }: Of<'named'>) => [
      'String',
      `try ask(${swiftString(label)}, ${given}).tensorStringData()[0]`,
    ],
    highest: () => ['String', `try labels[classify(${run})]`],
    held: ({ threshold }: Of<'held'>) => [
      '[String]',
      `zip(labels, try ${run}).filter { $0.1 > ${threshold} }.map { $0.0 }`,
    ],
    second: ({ threshold }: Of<'second'>) => ['String', `labels[try ${run}[0] > ${threshold} ? 1 : 0]`],
    happens: ({ threshold }: Of<'happens'>) => ['Bool', `try ${run}[0] >= ${threshold}`],
  }
  const [type, expression] = written(decision, body)
  return `
    /// ${decision.words}.
    func predict(${parameters}) throws -> ${type} {
        ${expression}
    }
`
}

export const swift: Language = {
  language: 'swift',
  title: 'Swift (iOS)',
  fence: 'swift',
  code(context) {
    const { inputs, answer, classes, file } = context
    const dot = file.lastIndexOf('.')
    const arguments_ = inputs.map((port) => `${port.variable}: ${typeOf(port).array}`).join(', ')
    const feeds = inputs.map((port) => {
      const shape = `[${port.dims.join(', ')}]`
      return `            ${swiftString(port.name)}: try Self.value(${port.variable}, ${typeOf(port).element}, ${shape}),`
    })
    const given = inputs.map(({ variable }) => `, ${variable}: ${variable}`).join('')
    const decision = decisionOf(context)
    const labels = readsLabels(decision)
    return `// Podfile: pod 'onnxruntime-objc' · add ${file}${labels ? ' and labels.txt' : ''} to the app's resources
import Foundation
import onnxruntime_objc

final class Model {
    private let environment: ORTEnv
    private let session: ORTSession
${labels ? '    private let labels: [String]\n' : ''}
    init() throws {
        setenv("ORT_DISABLE_TELEMETRY", "1", 1)  // ONNX Runtime reports to Microsoft otherwise
        let path = Bundle.main.path(forResource: ${swiftString(file.slice(0, dot))}, ofType: ${swiftString(file.slice(dot + 1))})!
        environment = try ORTEnv(loggingLevel: .warning)
        session = try ORTSession(env: environment, modelPath: path, sessionOptions: nil)${
          labels
            ? `
        let names = Bundle.main.url(forResource: "labels", withExtension: "txt")!
        labels = try Array(String(contentsOf: names, encoding: .utf8).components(separatedBy: "\\n").dropLast())`
            : ''
        }
    }
${preprocess(context)}
    /// ${inputs.map((port) => `${port.variable}: ${sizeOfPort(port)} values`).join('; ')}, ${inputWords(context)}.
    func run(${arguments_}) throws -> [Float] {
        let data = try ask(${swiftString(answer.name)}${given}).tensorData() as Data
        return data.withUnsafeBytes { Array($0.bindMemory(to: Float.self)) }
    }
${predict(context, arguments_)}
    private func ask(_ output: String, ${arguments_}) throws -> ORTValue {
        let feeds: [String: ORTValue] = [
${feeds.join('\n')}
        ]
        return try session.run(withInputs: feeds, outputNames: [output], runOptions: nil)[output]!
    }
${
  classes
    ? `
    func classify(_ scores: [Float]) -> Int {
        scores.indices.max { scores[$0] < scores[$1] }!
    }
`
    : ''
}
    private static func value<T>(_ values: [T], _ type: ORTTensorElementDataType, _ shape: [NSNumber]) throws -> ORTValue {
        let data = values.withUnsafeBytes { NSMutableData(bytes: $0.baseAddress, length: $0.count) }
        return try ORTValue(tensorData: data, elementType: type, shape: shape)
    }
}
`
  },
}
