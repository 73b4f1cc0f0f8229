/** Kotlin for Android: onnxruntime-android. */
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
import { kotlinString } from './literals'
import { scaledInputs } from './scaled'

/** Array type of an argument, and how a tensor is made of it. */
const TYPES: Record<string, { array: string; wrap: (variable: string) => string; type?: string }> = {
  float32: { array: 'FloatArray', wrap: (v) => `FloatBuffer.wrap(${v})` },
  float64: { array: 'DoubleArray', wrap: (v) => `DoubleBuffer.wrap(${v})` },
  int64: { array: 'LongArray', wrap: (v) => `LongBuffer.wrap(${v})` },
  int32: { array: 'IntArray', wrap: (v) => `IntBuffer.wrap(${v})` },
  int8: { array: 'ByteArray', wrap: (v) => `ByteBuffer.wrap(${v})`, type: 'INT8' },
  uint8: { array: 'ByteArray', wrap: (v) => `ByteBuffer.wrap(${v})`, type: 'UINT8' },
  bool: { array: 'ByteArray', wrap: (v) => `ByteBuffer.wrap(${v})`, type: 'BOOL' },
  float16: { array: 'ShortArray', wrap: (v) => `ShortBuffer.wrap(${v})`, type: 'FLOAT16' },
}

const typeOf = (port: SnippetPort): (typeof TYPES)[string] => TYPES[port.dtype] ?? TYPES.float32!

function tensor(port: SnippetPort): string {
  const { wrap, type } = typeOf(port)
  const shape = `longArrayOf(${port.dims.join(', ')})`
  const kind = type ? `, OnnxJavaType.${type}` : ''
  return `            ${kotlinString(port.name)} to OnnxTensor.createTensor(environment, ${wrap(port.variable)}, ${shape}${kind}),`
}

const scaled = (context: SnippetContext): string =>
  scaledInputs(context, (a, b) => `${a} / ${b}`)
    .map(
      ({ function: name, size, source, channel, scale, mean, std }) => `
    /** Of ${size} numbers as they are stored, in the order of preprocessing.json. */
    fun ${name}(raw: FloatArray): FloatArray {
        val mean = floatArrayOf(${spread(mean, mean.length, 'f')})
        val std = floatArrayOf(${spread(std, std.length, 'f')})
        return FloatArray(${size}) { i -> (raw[${source}] * ${scale}f - mean[${channel}]) / std[${channel}] }
    }
`,
    )
    .join('')

/** The picture as large as the model takes it, in `scaled`. */
function resized({ width, height, resize, cropRatio }: NonNullable<ReturnType<typeof imageOf>>): string {
  if (resize === 'stretch') return `val scaled = Bitmap.createScaledBitmap(photo, ${width}, ${height}, true)`
  const ratio = resize === 'letterbox' ? 'minOf' : `${cropRatio}f * maxOf`
  return `val ratio = ${ratio}(${width}f / photo.width, ${height}f / photo.height)
        val scaled = Bitmap.createBitmap(${width}, ${height}, Bitmap.Config.ARGB_8888)
        val matrix = android.graphics.Matrix()
        matrix.setScale(ratio, ratio)
        matrix.postTranslate((${width} - photo.width * ratio) / 2, (${height} - photo.height * ratio) / 2)
        val canvas = android.graphics.Canvas(scaled)
        canvas.drawColor(android.graphics.Color.rgb(114, 114, 114))
        canvas.drawBitmap(photo, matrix, android.graphics.Paint(android.graphics.Paint.FILTER_BITMAP_FLAG))`
}

function preprocess(context: SnippetContext): string {
  const image = imageOf(context)
  if (!image) return scaled(context)
  const { width, height, channels, layout, scale, mean, std, order, invert } = image
  const at = layout === 'nhwc' ? `i * ${channels} + c` : `c * ${width * height} + i`
  const [a, b] = order === 'bgr' ? [0, 16] : [16, 0]
  const value =
    channels === 1
      ? '0.299f * (p shr 16 and 255) + 0.587f * (p shr 8 and 255) + 0.114f * (p and 255)'
      : `(p shr shifts[c] and 255).toFloat()`
  return `
    /** ${image.resize}; see preprocessing.json. */
    fun prepare(photo: Bitmap): FloatArray {
        ${resized(image)}
        val pixels = IntArray(${width * height})
        scaled.getPixels(pixels, 0, ${width}, 0, 0, ${width}, ${height})
        val mean = floatArrayOf(${spread(mean, channels, 'f')})
        val std = floatArrayOf(${spread(std, channels, 'f')})${channels === 1 ? '' : `\n        val shifts = intArrayOf(${a}, 8, ${b}${channels === 4 ? ', 24' : ''})`}
        val out = FloatArray(${channels * width * height})
        for ((i, p) in pixels.withIndex()) for (c in 0 until ${channels}) {
            val value = ${invert ? `255f - (${value})` : value}
            out[${at}] = (value * ${scale}f - mean[c]) / std[c]
        }
        return out
    }
`
}

function predict(context: SnippetContext, parameters: string): string {
  const decision = decisionOf(context)
  if (!decision) return ''
  const given = context.inputs.map(({ variable }) => variable)
  const run = `run(${given.join(', ')})`
  const body = {
    named: ({ label }: Of<'named'>) =>
      `String = ask(${[kotlinString(label), ...given].join(', ')}) { (it.value as Array<*>)[0] as String }`,
    highest: () => `String = labels[classify(${run})]`,
    held: ({ threshold }: Of<'held'>) =>
      `List<String> = ${run}.let { scores -> labels.filterIndexed { i, _ -> scores[i] > ${threshold}f } }`,
    second: ({ threshold }: Of<'second'>) => `String = labels[if (${run}[0] > ${threshold}f) 1 else 0]`,
    happens: ({ threshold }: Of<'happens'>) => `Boolean = ${run}[0] >= ${threshold}f`,
  }
  return `
    /** ${decision.words}. */
    fun predict(${parameters}): ${written(decision, body)}
`
}

export const kotlin: Language = {
  language: 'kotlin',
  title: 'Kotlin (Android)',
  fence: 'kotlin',
  code(context) {
    const { inputs, answer, classes, file } = context
    const arguments_ = inputs.map((port) => `${port.variable}: ${typeOf(port).array}`).join(', ')
    const given = inputs.map(({ variable }) => `, ${variable}`).join('')
    const labels = readsLabels(decisionOf(context))
    return `// build.gradle.kts: implementation("com.microsoft.onnxruntime:onnxruntime-android:1.20.0") or later
// Put ${file}${labels ? ' and labels.txt' : ''} into src/main/assets.
import ai.onnxruntime.*
import android.content.Context
${imageOf(context) ? 'import android.graphics.Bitmap\n' : ''}import java.nio.*

class Model(context: Context) : AutoCloseable {
    init {
        // ONNX Runtime reports to Microsoft otherwise.
        android.system.Os.setenv("ORT_DISABLE_TELEMETRY", "1", true)
    }
    private val environment = OrtEnvironment.getEnvironment()
    private val session = environment.createSession(context.assets.open(${kotlinString(file)}).readBytes())
${labels ? '    private val labels = context.assets.open("labels.txt").reader().readLines()\n' : ''}${preprocess(context)}
    /** ${inputs.map((port) => `${port.variable}: ${sizeOfPort(port)} values`).join('; ')}, ${inputWords(context)}. */
    fun run(${arguments_}): FloatArray = ask(${kotlinString(answer.name)}${given}) {
        val buffer = it.floatBuffer
        FloatArray(buffer.remaining()).also { scores -> buffer.get(scores) }
    }
${predict(context, arguments_)}
    private fun <T> ask(output: String, ${arguments_}, read: (OnnxTensor) -> T): T {
        val feeds = mapOf(
${inputs.map(tensor).join('\n')}
        )
        try {
            session.run(feeds, setOf(output)).use { results -> return read(results.get(0) as OnnxTensor) }
        } finally {
            feeds.values.forEach { it.close() }
        }
    }
${classes ? '\n    fun classify(scores: FloatArray): Int = scores.indices.maxBy { scores[it] }\n' : ''}
    override fun close() = session.close()
}
`
  },
}
