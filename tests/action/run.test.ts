/** The action's own step, run as the runner of GitHub would: by its environment and its files. */
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { builtEntry } from '../built'

const root = path.resolve(import.meta.dirname, '../..')
const sample = path.join(root, 'resources', 'samples', 'bearing')
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'pare-action-'))
afterAll(() => fs.rmSync(folder, { recursive: true, force: true }))

beforeAll(() => {
  const command = path.join(folder, 'pare')
  fs.writeFileSync(command, `#!/bin/sh\nexec '${process.execPath}' '${builtEntry('cli')}' "$@"\n`, {
    mode: 0o755,
  })
})

function act(inputs: Record<string, string>) {
  const [summary, output] = ['summary.md', 'output.txt'].map((name) => path.join(folder, name))
  for (const file of [summary!, output!]) fs.writeFileSync(file, '')
  const env = {
    ...process.env,
    PATH: `${folder}${path.delimiter}${process.env.PATH}`,
    GITHUB_STEP_SUMMARY: summary,
    GITHUB_OUTPUT: output,
    ...Object.fromEntries(Object.entries(inputs).map(([name, value]) => [`PARE_${name}`, value])),
  }
  const { status, stderr } = spawnSync(process.execPath, [path.join(root, 'action', 'run.mjs')], {
    cwd: folder,
    env,
    encoding: 'utf8',
  })
  return {
    status,
    stderr,
    summary: fs.readFileSync(summary!, 'utf8'),
    output: fs.readFileSync(output!, 'utf8'),
  }
}

const given = { MODEL: path.join(sample, 'cnn1d.onnx'), DATA: path.join(sample, 'data') }

test.runIf(process.platform !== 'win32')(
  'a model is compressed, held against limits, and the table posted',
  () => {
    const done = act({ ...given, COMMAND: 'compress', RECIPE: 'safe', OUT: 'small', MAX_BYTES: '60%' })
    expect(done.status).toBe(0)
    expect(done.summary).toMatch(/^\| file \| 409 kB \| \d+ kB \|$/m)
    expect(done.summary).toContain('| accuracy (validation) |')
    expect(done.summary).toContain('Within all limits.')
    expect(done.output).toContain(`model=${path.join('small', 'model.onnx')}`)
    expect(fs.existsSync(path.join(folder, 'small', 'model.onnx'))).toBe(true)

    const over = act({
      ...given,
      COMMAND: 'compare',
      CANDIDATE: path.join('small', 'model.onnx'),
      MAX_BYTES: '10%',
    })
    expect(over.status).toBe(3)
    expect(over.summary).toContain('❌')
  },
  120_000,
)

test.runIf(process.platform !== 'win32')('what cannot be done is told in the summary too', () => {
  const gone = act({ COMMAND: 'compare', MODEL: 'gone.onnx', CANDIDATE: 'gone.onnx' })
  expect(gone.status).toBe(1)
  expect(gone.summary).toContain('gone.onnx')
  expect(act({ COMMAND: 'train', MODEL: 'x' })).toMatchObject({ status: 2, summary: '' })
})

test('every input of the action reaches its step', () => {
  const action = fs.readFileSync(path.join(root, 'action', 'action.yml'), 'utf8')
  const inputs = [...action.matchAll(/^ {2}([a-z-]+):\n {4}description/gm)].map(([, name]) => name!)
  const outputs = ['model', 'bytes']
  const used = [...action.matchAll(/\$\{\{ inputs\.([a-z-]+) \}\}/g)].map(([, name]) => name!)
  expect(new Set(used)).toEqual(new Set(inputs.filter((name) => name === 'model' || !outputs.includes(name))))
  const read = fs.readFileSync(path.join(root, 'action', 'run.mjs'), 'utf8')
  for (const name of used.filter((one) => one !== 'package'))
    expect(read).toContain(`given('${name.toUpperCase().replaceAll('-', '_')}')`)
})
