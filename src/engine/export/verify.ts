/** A bundle held against what it says of itself: its files by their hashes, its models by the golden samples. */
import fs from 'node:fs'
import path from 'node:path'
import { PareError } from '../../contract/errors'
import type { TargetCheck } from '../../contract/project'
import { parseNpyHeader } from '../data/npy'
import type { DType } from '../onnx'
import { hashFile } from '../onnx/hash-file'
import { ELEMENT_ARRAYS } from '../onnx/numeric'
import type { Value, Values } from '../runtime'
import { BundleFiles } from './files'
import { FORMS } from './forms'
import type { Golden } from './golden'
import { Manifest } from './manifest'

const MANIFEST = 'manifest.json'
const SUMS = 'SHA256SUMS'

interface Verified {
  manifest: Manifest
  checks: TargetCheck[]
}

/** `folder` holds an unpacked bundle. Throws `bundle/invalid` where it says nothing of itself that could be held against it. */
export async function verifyBundle(
  folder: string,
  progress: (done: number, doing: string) => void = () => undefined,
): Promise<Verified> {
  progress(0, 'Hashes')
  const manifest = manifestIn(folder)
  const checks = [...fileChecks(folder, manifest)]
  if (checks.every(({ ok }) => ok)) {
    const golden = goldenIn(folder, manifest)
    for (const [i, model] of manifest.models.entries()) {
      progress((i + 1) / (manifest.models.length + 1), `Golden samples in ${model.file}`)
      checks.push(await modelCheck(folder, manifest, model, golden))
    }
  }
  return { manifest, checks }
}

const fault = (message: string): TargetCheck => ({ ok: false, severity: 'error', message })

function manifestIn(folder: string): Manifest {
  const invalid = (reason: string): PareError => new PareError('bundle/invalid', { path: folder, reason })
  const file = path.join(folder, MANIFEST)
  if (!fs.existsSync(file)) throw invalid(`it holds no ${MANIFEST}`)
  let value: unknown
  try {
    value = JSON.parse(fs.readFileSync(file, 'utf8'))
  } catch {
    throw invalid(`${MANIFEST} is not JSON`)
  }
  const parsed = Manifest.safeParse(value)
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    throw invalid(`${MANIFEST}: ${issue!.path.join('.')}: ${issue!.message}`)
  }
  const { golden, models, files } = parsed.data
  const named = [
    ...golden.flatMap(({ inputs, outputs }) => [...Object.values(inputs), ...Object.values(outputs)]),
    ...models.map(({ file: name }) => name),
    ...files.map(({ name }) => name),
  ]
  const outside = named.find((name) => path.relative(folder, path.resolve(folder, name)).startsWith('..'))
  if (outside !== undefined) throw invalid(`${MANIFEST} names “${outside}”, which is not in it`)
  return parsed.data
}

function* fileChecks(folder: string, { files }: Manifest): Iterable<TargetCheck> {
  const there = new Set(filesIn(folder))
  const sums = path.join(folder, SUMS)
  const listed = new Map(files.map(({ name, sha256 }) => [name, sha256]))
  if (fs.existsSync(sums))
    for (const line of fs.readFileSync(sums, 'utf8').split('\n').filter(Boolean)) {
      const [, sha256 = '', name = ''] = /^([0-9a-f]{64}) {2}(.+)$/.exec(line) ?? []
      const before = listed.get(name)
      if (!name || (before !== undefined && before !== sha256))
        yield fault(`${SUMS} and ${MANIFEST} do not agree on “${name || line}”.`)
      listed.set(name, sha256)
    }
  else yield fault(`${SUMS} is missing.`)
  let wrong = 0
  for (const [name, sha256] of listed) {
    const gone = !there.delete(name)
    if (!gone && hashFile(path.join(folder, name)) === sha256) continue
    wrong++
    yield fault(gone ? `${name} is missing.` : `${name} is not what was exported.`)
  }
  there.delete(SUMS)
  there.delete(MANIFEST)
  for (const name of there) yield fault(`${name} was added after the export.`)
  if (wrong === 0) yield { ok: true, severity: 'info', message: `${listed.size} files have their hashes.` }
}

const filesIn = (folder: string): string[] =>
  fs
    .readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name)).replaceAll(path.sep, '/'))

/** Types are those of the model's ports: NumPy has no bfloat16. */
function goldenIn(folder: string, manifest: Manifest): Golden {
  const types = new Map([...manifest.inputs, ...manifest.outputs].map(({ name, dtype }) => [name, dtype]))
  const values = (files: Record<string, string>): Values =>
    Object.fromEntries(
      Object.entries(files).map(([name, file]) => [
        name,
        readValue(path.join(folder, file), types.get(name)),
      ]),
    )
  return {
    samples: manifest.golden.map(({ inputs, outputs }) => ({
      inputs: values(inputs),
      outputs: values(outputs),
    })),
    tolerance: manifest.tolerance,
  }
}

/** As `encodeNpy` writes it. Throws `data/unreadable`. */
function readValue(file: string, as: string | undefined): Value {
  const bytes = fs.readFileSync(file)
  const { dtype, shape, dataOffset } = parseNpyHeader(bytes, file)
  const wanted = (as ?? dtype) as DType
  const ArrayOf = ELEMENT_ARRAYS[wanted] ?? ELEMENT_ARRAYS[dtype] ?? Uint8Array
  // Aligned, whatever the length of the header.
  const data = new ArrayOf(Uint8Array.from(bytes.subarray(dataOffset)).buffer)
  return { dtype: wanted, dims: shape, data }
}

async function modelCheck(
  folder: string,
  { tolerance }: Manifest,
  { file, format, data, optimization }: Manifest['models'][number],
  golden: Golden,
): Promise<TargetCheck> {
  const form = FORMS.find(({ id }) => id === format)
  if (!form)
    return { ok: false, severity: 'warning', message: `${file}: this Pare does not know “${format}”.` }
  const written = { model: { file, optimization, ...(data && { data }) }, download: [file] }
  const proof = await form.verify(written, new BundleFiles(folder), golden)
  if (proof.verdict !== 'proven') {
    const severity = proof.verdict === 'differs' ? 'error' : 'warning'
    return { ok: false, severity, message: `${file}: ${proof.reason}` }
  }
  const over = Object.entries(proof.differences).filter(([name, by]) => !(by <= tolerance[name]!))
  const names = over.map(
    ([name, by]) => `“${name}” by ${by.toPrecision(3)}, allowed ${tolerance[name]!.toPrecision(3)}`,
  )
  if (over.length > 0) return fault(`${file}: its outputs are off: ${names.join('; ')}.`)
  return {
    ok: true,
    severity: 'info',
    message: `${file} answers ${golden.samples.length} golden samples as it did.`,
  }
}
