/** The command as people run it: a process, its exit code, what it prints. */
import { spawn } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { CompressResult, Report } from '../../src/contract/report'
import { ort } from '../../src/engine/runtime/ort'
import { bundled } from '../bundled'
import { checkDocument } from './support'

const resources = path.resolve(import.meta.dirname, '../../resources/samples')
const model = path.join(resources, 'bearing', 'cnn1d.onnx')
const data = path.join(resources, 'bearing', 'data')
const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'pare-cli-'))
let entry: string

beforeAll(async () => {
  entry = await bundled('cli')
})
afterAll(() => fs.rmSync(scratch, { recursive: true, force: true }))

interface Ended {
  code: number | null
  out: string
  err: string
}

function pare(
  args: string[],
  act?: (child: ReturnType<typeof spawn>, err: string) => void,
  atStart?: (child: ReturnType<typeof spawn>) => void,
): Promise<Ended> {
  const child = spawn(process.execPath, [entry, ...args], { cwd: scratch })
  atStart?.(child)
  const ended: Ended = { code: null, out: '', err: '' }
  child.stdout.on('data', (chunk) => (ended.out += String(chunk)))
  child.stderr.on('data', (chunk) => {
    ended.err += String(chunk)
    act?.(child, ended.err)
  })
  return new Promise((resolve) => child.on('close', (code) => resolve({ ...ended, code })))
}

function json<T>({ out }: Ended): T {
  checkDocument(out)
  return JSON.parse(out) as T
}

test.each([
  [[], 2],
  [['--help'], 0],
  [['--version'], 0],
  [['compress', '--help'], 0],
  [['nonsense'], 2],
  [['inspect'], 2],
  [['inspect', 'a', '--threads', '257'], 2],
  [['inspect', 'a', 'b'], 2],
  [['evaluate', 'm.onnx', '--split', 'most'], 2],
  [['compress', 'm.onnx', '--out', 'x'], 2],
  [['compress', 'm.onnx', '--out', 'x', '--recipe', 'safe', '--pass', 'simplify'], 2],
  [['compress', 'm.onnx', '--recipe', 'safe'], 2],
  [['compress', 'm.onnx', '--out', 'x', '--pass', 'nonsense'], 2],
  [['compress', 'm.onnx', '--out', 'x', '--pass', 'simplify nonsense=1'], 2],
  [['export', 'm.onnx', '--target', 'toaster', '--out', 'x.zip'], 2],
  [['compress', 'gone.onnx', '--recipe', 'safe', '--target', 'toaster', '--out', 'x'], 2],
  [['search', 'gone.onnx', '--target', 'toaster', '--out', 'x'], 2],
  [['targets'], 0],
  [['passes', 'nonsense'], 2],
  [['inspect', 'gone.onnx'], 1],
  [['compress', 'gone.onnx', '--out', 'x', '--recipe', 'safe'], 1],
  [['compress', 'gone.onnx', '--out', 'x', '--recipe', 'gone.json'], 1],
])('pare %j exits with %i', async (args, code) => {
  const ended = await pare(args)
  expect(ended.code, ended.err).toBe(code)
  if (code === 0) expect(ended.out).not.toBe('')
  else expect(ended.err).not.toBe('')
  expect(ended.err).not.toContain('    at ')
})

test('every command helps with examples', async () => {
  const { out } = await pare(['--help'])
  const commands = [...out.matchAll(/^ {2}([a-z]+) (?:\[|<)/gm)]
    .map(([, name]) => name!)
    .filter((name) => name !== 'help')
  expect(commands).toEqual(
    expect.arrayContaining(['inspect', 'passes', 'evaluate', 'compress', 'compare', 'export']),
  )
  for (const command of commands) expect((await pare([command, '--help'])).out).toContain(`$ pare ${command}`)
})

test('inspect for a target says what is known of the model there', async () => {
  const { checks } = json<{ checks: { ok: boolean; message: string }[] }>(
    await pare(['inspect', model, '--target', 'android-npu', '--json']),
  )
  expect(checks.map(({ message }) => message).join('\n')).toMatch(/NNAPI takes \d+% of the \d+ operators/)
  const { out } = await pare(['inspect', model, '--target', 'android-npu'])
  expect(out).toMatch(/^(ok|warning): NNAPI takes/m)
})

test('inspect and passes give one JSON document', async () => {
  const inspected = await pare(['inspect', model, '--json'])
  expect(json<{ path: string; bytes: number }>(inspected)).toMatchObject({
    path: model,
    bytes: fs.statSync(model).size,
  })
  const { passes } = json<{ passes: { id: string; parameters: unknown[] }[] }>(
    await pare(['passes', '--json']),
  )
  expect(passes.map(({ id }) => id)).toContain('quantize-static')
})

test('an error is one JSON document too, with its sentence', async () => {
  fs.writeFileSync(path.join(scratch, 'notes.onnx'), 'Dear diary\n')
  const ended = await pare(['inspect', 'notes.onnx', '--json'])
  expect(ended.code).toBe(1)
  const { error } = json<{ error: { code: string; message: { what: string; todo: string } } }>(ended)
  expect(error.code).toBe('model/not-onnx')
  expect(error.message.what).toContain('notes.onnx')
})

test('compress writes what it promises, and its numbers are true', async () => {
  const out = path.join(scratch, 'small')
  const ended = await pare([
    'compress',
    model,
    '--data',
    data,
    '--pass',
    'simplify',
    '--pass',
    'quantize-dynamic',
    '--out',
    out,
    '--json',
  ])
  expect(ended.code, ended.err).toBe(0)
  const { original, candidate, steps, files } = json<CompressResult>(ended)
  expect(json<{ data: unknown }>(ended).data).toMatchObject({
    fingerprint: expect.stringMatching(/^sha256:[0-9a-f]{64}$/) as unknown,
    spec: { task: 'classification' },
  })
  expect(files.map((file) => path.basename(file)).sort()).toEqual([
    'data-spec.json',
    'model.onnx',
    'recipe.json',
    'report.html',
    'report.json',
    'samples.json',
  ])
  expect(files.every((file) => path.isAbsolute(file) && fs.existsSync(file))).toBe(true)
  expect(steps.map(({ pass }) => pass)).toEqual(['simplify', 'quantize-dynamic'])
  expect(steps.every(({ seconds, summary }) => seconds > 0 && summary.length > 10)).toBe(true)
  expect(candidate.path).toBe(path.join(out, 'model.onnx'))
  expect(candidate.bytes).toBe(fs.statSync(candidate.path).size)
  expect(original.bytes).toBe(fs.statSync(model).size)
  for (const report of [original, candidate]) {
    const figures = [
      report.bytes,
      report.downloadBytes,
      report.parameters,
      report.nonzeroParameters,
      report.macs,
      report.peakMemoryBytes,
      report.energyMicrojoules,
      report.latencyMs.p50,
      report.latencyMs.p95,
    ]
    expect(figures.every((figure) => Number.isFinite(figure) && figure! > 0)).toBe(true)
    expect(report.quality).toMatchObject({ metric: 'accuracy', split: 'validation' })
  }
  const session = await ort.InferenceSession.create(candidate.path)
  expect(session.inputNames).toEqual(['signal'])
  await session.release()

  // A finished run is not done again; other results are not written over.
  const again = await pare([
    'compress',
    model,
    '--data',
    data,
    '--pass',
    'simplify',
    '--pass',
    'quantize-dynamic',
    '--out',
    out,
    '--resume',
    '--json',
  ])
  expect(json<CompressResult>(again).candidate).toEqual(candidate)
  const foreign = path.join(scratch, 'foreign')
  fs.mkdirSync(foreign)
  fs.writeFileSync(path.join(foreign, 'model.onnx'), 'precious')
  const refused = await pare(['compress', model, '--data', data, '--pass', 'simplify', '--out', foreign])
  expect(refused.code).toBe(1)
  expect(fs.readFileSync(path.join(foreign, 'model.onnx'), 'utf8')).toBe('precious')

  const compared = await pare([
    'compare',
    model,
    candidate.path,
    '--data',
    data,
    '--html',
    'pages/report.html',
    '--json',
  ])
  const both = json<{ original: Report; candidate: Report }>(compared)
  expect(both.candidate.quality.value).toBe(candidate.quality.value)
  expect(fs.readFileSync(path.join(scratch, 'pages/report.html'), 'utf8')).toContain('<!doctype html>')

  const bundle = path.join(scratch, 'bundle.zip')
  const exported = json<{ path: string; bytes: number; files: string[] }>(
    await pare(['export', candidate.path, '--target', 'android', '--data', data, '--out', bundle, '--json']),
  )
  expect(exported).toMatchObject({ path: bundle, bytes: fs.statSync(bundle).size })
  expect(exported.files).toEqual(
    expect.arrayContaining(['model.onnx', 'manifest.json', 'README.md', 'SHA256SUMS']),
  )
  expect((await pare(['export', candidate.path, '--out', bundle])).code).toBe(1)
})

test('the output folder may not be the one of a model of that name', async () => {
  const home = path.join(scratch, 'home')
  fs.mkdirSync(home)
  fs.copyFileSync(model, path.join(home, 'model.onnx'))
  const before = fs.readFileSync(path.join(home, 'model.onnx'))
  expect(
    (await pare(['compress', path.join(home, 'model.onnx'), '--pass', 'simplify', '--out', home])).code,
  ).toBe(1)
  expect(fs.readFileSync(path.join(home, 'model.onnx')).equals(before)).toBe(true)
})

test('without data the likeness is measured, and it says so', async () => {
  const ended = await pare(['evaluate', model, '--json'])
  expect(ended.err).toContain('No data was given')
  expect(json<Report>(ended).quality).toMatchObject({ split: 'random', task: 'unlabelled', value: 1 })
})

test('Ctrl-C cancels with 130, and the run can be resumed', async () => {
  const out = path.join(scratch, 'cancelled')
  const args = [
    'compress',
    model,
    '--data',
    data,
    '--pass',
    'simplify',
    '--pass',
    'quantize-dynamic',
    '--out',
    out,
  ]
  const ended = await pare(args, (child, err) => {
    if (err.includes('✓ simplify')) child.kill('SIGINT')
  })
  expect(ended.code, ended.err).toBe(130)
  expect(ended.err).toContain('Cancelled')
  const resumed = await pare([...args, '--resume', '--json'])
  expect(resumed.code, resumed.err).toBe(0)
  expect(json<CompressResult>(resumed).steps).toHaveLength(2)
})

// What names files of the reader's own stands in blocks of bash.
test.each(['bearing', 'microcontroller', 'phone', 'drone', 'wake-word', 'wearable', 'car'])(
  'every command of the tutorial %s on its sample does what the page says',
  async (page) => {
    const text = fs.readFileSync(path.resolve(import.meta.dirname, `../../docs/tutorials/${page}.md`), 'utf8')
    const lines = [...text.matchAll(/```sh\n([\s\S]*?)```/g)].flatMap(([, block]) =>
      block!.trim().split('\n'),
    )
    const said: string[] = []
    for (const line of lines) {
      const ended = await pare(line.split(' ').slice(1))
      expect(ended.code, `${line}\n${ended.err}`).toBe(0)
      said.push(ended.out)
    }
    const [, original] = /^\| [^|]* on \d+ \w+ *\| *(\S+)/m.exec(text)!
    expect(said.join('\n')).toMatch(new RegExp(`\\S+ \\(validation\\) +${original} `))
  },
)

test('wrong usage is one JSON document too', async () => {
  const ended = await pare(['compress', 'm.onnx', '--json'])
  expect(ended.code).toBe(2)
  expect(json<{ error: { code: string; reason: string } }>(ended).error).toMatchObject({
    code: 'bad-request',
    reason: expect.stringContaining('--out'),
  })
})

test('a reader that leaves ends nothing and says nothing', async () => {
  const ended = await pare(['passes', '--json'], undefined, (child) => child.stdout!.destroy())
  expect(ended).toEqual({ code: 0, out: '', err: '' })
})

test('progress is one document a line for programs, and silent when asked', async () => {
  const told = await pare(['evaluate', model, '--data', data, '--progress', 'json'])
  const lines = told.err
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { done?: number; says?: string })
  expect(lines.some(({ done }) => done !== undefined && done > 0)).toBe(true)
  expect((await pare(['evaluate', model, '--data', data, '--quiet'])).err).toBe('')
  expect((await pare(['inspect', model, '--quiet', '--log-level', 'debug'])).err).toBe('')
})

test.skipIf(!fs.existsSync('/dev/full'))('what cannot be printed is said, without a stack', async () => {
  const full = fs.openSync('/dev/full', 'w')
  const child = spawn(process.execPath, [entry, 'passes'], { stdio: ['ignore', full, 'pipe'] })
  let said = ''
  child.stderr!.on('data', (chunk) => (said += String(chunk)))
  expect(await new Promise((resolve) => child.on('close', resolve))).toBe(1)
  expect(said).toContain('There is no room to write a file.')
  expect(said).not.toMatch(/^\s+at /m)
  fs.closeSync(full)
})
