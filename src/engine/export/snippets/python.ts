/** Python: onnxruntime and NumPy, Pillow for images. */
import { imageOf, inputWords, type Language, type SnippetContext } from './context'
import { pythonString } from './literals'

const DTYPES: Record<string, string> = { bool: 'np.bool_', string: 'np.str_', 'not a tensor': 'object' }

function preprocess(context: SnippetContext): string {
  const image = imageOf(context)
  if (!image) return ''
  const { width, height, channels, resize, cropRatio, layout, scale, mean, std, order, invert } = image
  const [input] = context.inputs
  const mode = { 1: 'L', 3: 'RGB', 4: 'RGBA' }[channels]
  const lines = [`photo = ImageOps.exif_transpose(Image.open(path)).convert("${mode}")`]
  if (resize === 'stretch') lines.push(`photo = photo.resize((${width}, ${height}), Image.BILINEAR)`)
  else if (resize === 'letterbox')
    lines.push(`photo = ImageOps.pad(photo, (${width}, ${height}), Image.BILINEAR)`)
  else {
    lines.push(`ratio = ${cropRatio} * max(${width} / photo.width, ${height} / photo.height)`)
    lines.push(
      'photo = photo.resize((round(photo.width * ratio), round(photo.height * ratio)), Image.BILINEAR)',
    )
    lines.push(`left, top = (photo.width - ${width}) // 2, (photo.height - ${height}) // 2`)
    lines.push(`photo = photo.crop((left, top, left + ${width}, top + ${height}))`)
  }
  lines.push(`pixels = np.asarray(photo, dtype=np.float32).reshape(${height}, ${width}, ${channels})`)
  if (order === 'bgr') lines.push('pixels = pixels[..., ::-1]')
  if (invert) lines.push('pixels = 255 - pixels')
  lines.push(
    `pixels = (pixels * ${scale} - np.float32([${mean.join(', ')}])) / np.float32([${std.join(', ')}])`,
  )
  if (layout !== 'nhwc') lines.push('pixels = pixels.transpose(2, 0, 1)')
  lines.push(`return pixels.reshape(${input!.dims.join(', ')}).astype(np.float32)`)
  return `

def prepare(path):
${lines.map((line) => `    ${line}`).join('\n')}
`
}

export const python: Language = {
  language: 'python',
  title: 'Python',
  fence: 'python',
  code(context) {
    const { inputs, answer, classes, file } = context
    const feeds = inputs.map(({ name, variable, dtype, dims }) => {
      const type = DTYPES[dtype] ?? `np.${dtype}`
      return `        ${pythonString(name)}: np.asarray(${variable}, dtype=${type}).reshape(${dims.join(', ') || '()'}${dims.length === 1 ? ',' : ''}),`
    })
    return `# pip install onnxruntime numpy${imageOf(context) ? ' pillow' : ''}
import os
os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # ONNX Runtime reports to Microsoft otherwise
import numpy as np
import onnxruntime as ort
${imageOf(context) ? 'from PIL import Image, ImageOps\n' : ''}
session = ort.InferenceSession(${pythonString(file)})
${preprocess(context)}

def run(${inputs.map(({ variable }) => variable).join(', ')}):
    """${inputWords(context)[0]!.toUpperCase()}${inputWords(context).slice(1)}."""
    feeds = {
${feeds.join('\n')}
    }
    return session.run([${pythonString(answer.name)}], feeds)[0]
${classes ? '\n\ndef classify(scores):\n    return int(np.argmax(scores))\n' : ''}`
  },
}
