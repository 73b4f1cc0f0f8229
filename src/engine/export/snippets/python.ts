/** Python: onnxruntime and NumPy; Pillow for pictures, tokenizers for texts. */
import type { SampleForm, TokenPair } from '../../../contract/sample-form'
import { PYTHON_FEATURES } from './python-features'
import { inputWords, type Language, type SnippetContext } from './context'
import { decisionOf, readsLabels, written, type Decision, type Of } from './decision'
import { pythonString } from './literals'

const DTYPES: Record<string, string> = { bool: 'np.bool_', string: 'np.str_', 'not a tensor': 'object' }

/** What a raw sample is, as the docstring says it, and how its numbers come about, by where they are from. */
const KINDS: Record<SampleForm['kind'], { packages: string; imports: string; raw: string }> = {
  image: { packages: ' pillow', imports: 'from PIL import Image, ImageOps\n', raw: 'The path of a picture.' },
  audio: { packages: '', imports: 'import wave\n', raw: 'The path of a WAV file.' },
  text: { packages: ' tokenizers', imports: 'from tokenizers import Tokenizer\n', raw: 'A text.' },
  array: { packages: '', imports: '', raw: '' },
}

function picture(form: Extract<SampleForm, { kind: 'image' }>): string[] {
  const { width, height, channels, resize, cropRatio, layout, scale, mean, std, order, invert } = form
  const mode = { 1: 'L', 3: 'RGB', 4: 'RGBA' }[channels]
  const lines = [`photo = ImageOps.exif_transpose(Image.open(raw)).convert("${mode}")`]
  if (resize === 'stretch') lines.push(`photo = photo.resize((${width}, ${height}), Image.BILINEAR)`)
  else {
    const fit = resize === 'letterbox' ? 'min' : `${cropRatio} * max`
    lines.push(
      `ratio = ${fit}(${width} / photo.width, ${height} / photo.height)`,
      'photo = photo.resize((round(photo.width * ratio), round(photo.height * ratio)), Image.BILINEAR)',
      `left, top = (photo.width - ${width}) // 2, (photo.height - ${height}) // 2`,
    )
    if (resize === 'letterbox') {
      const border = channels === 1 ? '114' : `(${[114, 114, 114, 255].slice(0, channels).join(', ')})`
      lines.push(
        `whole = Image.new("${mode}", (${width}, ${height}), ${border})`,
        'whole.paste(photo, (-left, -top))',
        'photo = whole',
      )
    } else lines.push(`photo = photo.crop((left, top, left + ${width}, top + ${height}))`)
  }
  lines.push(`pixels = np.asarray(photo, dtype=np.float32).reshape(${height}, ${width}, ${channels})`)
  if (invert) lines.push('pixels = 255 - pixels')
  if (order === 'bgr') lines.push('pixels = pixels[..., [2, 1, 0, 3][:pixels.shape[-1]]]')
  lines.push(
    `pixels = (pixels * ${scale} - np.float32([${mean.join(', ')}])) / np.float32([${std.join(', ')}])`,
  )
  if (layout !== 'nhwc') lines.push('pixels = pixels.transpose(2, 0, 1)')
  return [...lines, 'return [fitted(pixels, spec) for spec in FORM["inputs"]]']
}

const SOUND = `with wave.open(raw) as sound:
    assert sound.getframerate() == FORM["sampleRate"], "resample the sound first"
    width, channels = sound.getsampwidth(), sound.getnchannels()
    frames = sound.readframes(sound.getnframes())
if width == 3:
    data = np.frombuffer(frames, np.uint8).reshape(-1, 3)
    values = np.pad(data, ((0, 0), (1, 0))).view("<i4")[:, 0] / 2.0**31
else:
    values = np.frombuffer(frames, {1: "u1", 2: "<i2", 4: "<i4"}[width])
    values = (values - 128.0) / 128 if width == 1 else values / 2.0 ** (8 * width - 1)
wave_ = values.reshape(-1, channels).T
want = FORM["channels"]
wave_ = wave_.mean(0, keepdims=True) if want == 1 else wave_[[min(c, channels - 1) for c in range(want)]]
wave_ = wave_[:, : FORM["samples"]] * FORM["scale"]
wave_ = np.pad(wave_, ((0, 0), (0, FORM["samples"] - wave_.shape[1])))
if "features" in FORM:
    return [fitted(features(wave_[0], FORM["features"]), spec) for spec in FORM["inputs"]]
return [fitted(wave_.T if spec["from"]["channelsLast"] else wave_, spec) for spec in FORM["inputs"]]`

const TEXT = `tokens, length = FORM["tokens"], FORM["maxLength"]
content = TOKENIZER.encode(raw, add_special_tokens=False).ids
room = max(0, length - len(tokens["prefix"]) - len(tokens["suffix"]))
content = content[max(0, len(content) - room) :] if tokens["cutLeft"] else content[:room]
ids = (tokens["prefix"] + content + tokens["suffix"])[:length]
start = length - len(ids) if tokens["padLeft"] else 0
row, mask = np.full(length, FORM["padId"]), np.zeros(length)
row[start : start + len(ids)] = ids
mask[start : start + len(ids)] = 1
values = {"token-ids": row, "token-mask": mask, "token-positions": np.arange(length)}
return [
    fitted(values.get(spec["from"]["kind"], np.full(length, spec["from"].get("value", 0))), spec)
    for spec in FORM["inputs"]
]`

/** Which of two texts gives way, and to how many ids. */
const SHARES: Record<TokenPair['cut'], string> = {
  longest: `shorter = min(len(first), len(second), room // 2)
longer = min(max(len(first), len(second)), room - shorter)
a, b = (longer, shorter) if len(first) > len(second) else (shorter, longer)`,
  first: 'a, b = max(0, room - len(second)), room',
  second: 'a, b = room, max(0, room - len(first))',
}

const pairOf = ({ cut }: TokenPair): string => `tokens, length = FORM["tokens"], FORM["maxLength"]
pair = tokens["pair"]
first, second = (TOKENIZER.encode(text, add_special_tokens=False).ids for text in raw)
room = max(0, length - len(tokens["prefix"]) - len(pair["between"]) - len(tokens["suffix"]))
${SHARES[cut]}
if tokens["cutLeft"]:
    first, second = first[max(0, len(first) - a) :], second[max(0, len(second) - b) :]
parts = {"prefix": tokens["prefix"], "first": first[:a], "between": pair["between"]}
parts.update({"second": second[:b], "suffix": tokens["suffix"]})
ids = sum(parts.values(), [])[:length]
types = np.concatenate([np.resize(pair["types"][part], len(own)) for part, own in parts.items()])[:length]
start = length - len(ids) if tokens["padLeft"] else 0
row, mask, segments = np.full(length, FORM["padId"]), np.zeros(length), np.zeros(length)
row[start : start + len(ids)] = ids
mask[start : start + len(ids)] = 1
segments[start : start + len(ids)] = types
values = {"token-ids": row, "token-mask": mask, "token-types": segments, "token-positions": np.arange(length)}
return [fitted(values[spec["from"]["kind"]], spec) for spec in FORM["inputs"]]`

const ARRAYS = `feeds = []
for spec in FORM["inputs"]:
    source = spec["from"]
    if source["kind"] == "columns":
        value = [float(raw[name]) for name in source["columns"]]
    elif source["kind"] == "array":
        value = np.asarray(raw[source["array"]]).reshape(source["dims"])
    else:
        value = np.full(spec["dims"], source["value"])
    feeds.append(fitted(value, spec))
return feeds`

/** What holds for every form: order of axes, scale, type and shape. */
const FITTED = `def fitted(value, spec):
    value = np.asarray(value)
    if "stored" in spec:
        value = value.reshape(spec["stored"])
    if "transpose" in spec:
        value = value.transpose(spec["transpose"])
    value = value.reshape(spec["dims"])
    if "reversed" in spec:
        axis = spec["reversed"]
        value = np.take(value, [2, 1, 0, 3][: value.shape[axis]], axis)
    if "affine" in spec:
        affine = spec["affine"]
        k = (np.arange(value.size) // affine["inner"]).reshape(value.shape) % len(affine["mean"])
        mean, std = np.asarray(affine["mean"])[k], np.asarray(affine["std"])[k]
        value = (value * affine["scale"] - mean) / std
    dtype = np.dtype(spec["dtype"])
    if dtype.kind in "iu" and np.asarray(value).dtype.kind == "f":
        value = np.clip(np.rint(value), np.iinfo(dtype).min, np.iinfo(dtype).max)
    return np.asarray(value).astype(dtype)[None]`

/** Models that take a fixed number of samples at once get the one that often. */
function fitted({ inputs, form }: SnippetContext): string {
  const [input, spec] = [inputs[0], form?.inputs[0]]
  const [batch = 1] = input && spec && input.dims.length === spec.dims.length + 1 ? input.dims : []
  return batch > 1 ? `${FITTED}.repeat(${batch}, 0)` : FITTED
}

function rawWords(form: SampleForm): string {
  if (form.kind === 'text' && form.tokens.pair) return 'Two texts.'
  if (form.kind !== 'array') return KINDS[form.kind].raw
  const columns = form.inputs.some(({ from }) => from.kind === 'columns')
  const names = form.inputs.flatMap(({ from }) => (from.kind === 'array' ? [from.array] : []))
  return columns
    ? 'A row of the table, as csv.DictReader gives it.'
    : `The arrays of one sample by name: ${names.map(pythonString).join(', ')}.`
}

function body(form: SampleForm): string[] {
  if (form.kind === 'image') return picture(form)
  if (form.kind === 'text' && form.tokens.pair) return pairOf(form.tokens.pair).split('\n')
  const lines = { audio: SOUND, text: TEXT, array: ARRAYS }[form.kind]
  return lines.split('\n')
}

function preprocess(context: SnippetContext): string {
  const { form } = context
  if (!form) return ''
  const tokenizer =
    form.kind === 'text'
      ? 'TOKENIZER = Tokenizer.from_file("tokenizer.json")\nTOKENIZER.no_truncation()\nTOKENIZER.no_padding()\n'
      : ''
  return `
FORM = json.load(open("preprocessing.json", encoding="utf-8"))
${tokenizer}

${fitted(context)}
${form.kind === 'audio' && form.features ? `\n\n${PYTHON_FEATURES}` : ''}

def prepare(raw):
    """Inputs for run(), of one sample. ${rawWords(form).replaceAll('\\', '\\\\').replaceAll('"""', "'''")}"""
${body(form)
  .map((line) => `    ${line}`.trimEnd())
  .join('\n')}
`
}

const LABELS = 'LABELS = open("labels.txt", encoding="utf-8").read().rstrip("\\n").split("\\n")'

const CLASSIFY = `

def classify(scores):
    return int(np.argmax(scores))
`

/** `run` of a raw sample, and what is made of it. */
function predict(decision: Decision): string {
  const run = 'run(*prepare(raw))'
  const body = {
    named: ({ label }: Of<'named'>) => `run(*prepare(raw), output=${pythonString(label)})[0]`,
    highest: () => `LABELS[classify(${run})]`,
    held: ({ threshold }: Of<'held'>) =>
      `[name for name, score in zip(LABELS, ${run}.reshape(-1)) if score > ${threshold}]`,
    second: ({ threshold }: Of<'second'>) => `LABELS[int(${run}.reshape(-1)[0] > ${threshold})]`,
    happens: ({ threshold }: Of<'happens'>) => `bool(${run}.reshape(-1)[0] >= ${threshold})`,
  }
  return `${readsLabels(decision) ? `\n\n${LABELS}\n` : ''}

def predict(raw):
    """${decision.words}."""
    return ${written(decision, body)}
`
}

const spelling = ({ axis, blank }: NonNullable<SnippetContext['text']>, form: boolean): string => `

LABELS = open("labels.txt", encoding="utf-8", newline="\\n").read().split("\\n")[:-1]


def spell(scores):
    """The text of one sample: the strongest score of every step, repeats once, without blanks."""
    path = np.argmax(scores, axis=${axis - 1})
    kept = [c for t, c in enumerate(path) if c != ${blank} and (t == 0 or path[t - 1] != c)]
    return "".join(LABELS[c] for c in kept).strip()
${
  form
    ? `

def predict(raw):
    return spell(run(*prepare(raw))[0])
`
    : ''
}`

export const python: Language = {
  language: 'python',
  title: 'Python',
  fence: 'python',
  code(context) {
    const { inputs, answer, classes, file, form, label, text } = context
    const decision = decisionOf(context)
    const feeds = inputs.map(({ name, variable, dtype, dims }) => {
      const type = DTYPES[dtype] ?? `np.${dtype}`
      return `        ${pythonString(name)}: np.asarray(${variable}, dtype=${type}).reshape(${dims.join(', ') || '()'}${dims.length === 1 ? ',' : ''}),`
    })
    const { packages = '', imports = '' } = form ? KINDS[form.kind] : {}
    return `# pip install onnxruntime numpy${packages}
${form ? 'import json\n' : ''}import os
os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # ONNX Runtime reports to Microsoft otherwise
import numpy as np
import onnxruntime as ort
${imports}
session = ort.InferenceSession(${pythonString(file)})
${preprocess(context)}

def run(${inputs.map(({ variable }) => variable).join(', ')}${label === undefined ? '' : `, output=${pythonString(answer.name)}`}):
    """${inputWords(context)[0]!.toUpperCase()}${inputWords(context).slice(1)}."""
    feeds = {
${feeds.join('\n')}
    }
    return session.run([${label === undefined ? pythonString(answer.name) : 'output'}], feeds)[0]
${text ? spelling(text, form !== undefined) : `${classes ? CLASSIFY : ''}${form && decision ? predict(decision) : ''}`}`
  },
}
