/**
 * "Nothing leaves your machine", as the kernel sees it: no command speaks to anybody or writes where Pare has no
 * business. Each runs under strace in a network of its own that leads nowhere.
 */
import fs from 'node:fs'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { freeModels } from '../../attack/support/small-models'
import { bundled } from '../bundled'
import { Machine, whyNotTraced, type Trace } from './traced'

const sample = path.resolve(import.meta.dirname, '../../resources/samples/bearing')
const model = path.join(sample, 'cnn1d.onnx')
const data = path.join(sample, 'data')
const digits = path.resolve(sample, '../digits')
const seeds = path.resolve(import.meta.dirname, '../fixtures/seeds')
const fixture = (name: string): string => path.resolve(import.meta.dirname, '../fixtures/data', name)
const reason = whyNotTraced()

describe.skipIf(reason !== undefined)(`traced${reason ? `: skipped, ${reason}` : ''}`, () => {
  let machine: Machine
  beforeAll(() => void (machine = new Machine()))
  afterAll(() => machine.remove())

  /** Own folders: what was asked for, the data folder, temporary files by our name; and the kernel's own files. */
  const foreign = ({ written }: Trace): string[] =>
    written.filter(
      (file) =>
        ![machine.work, path.join(machine.home, '.local', 'share', 'Pare')].some(
          (own) => file === own || file.startsWith(own + path.sep) || own.startsWith(file + path.sep),
        ) &&
        !path.relative(machine.temporary, file).startsWith('pare-') &&
        !/^\/(proc|dev)\//.test(file),
    )

  function expectSilent(trace: Trace): void {
    expect(trace.status, trace.stderr).toBe(0)
    expect(trace.internet).toEqual([])
    expect(foreign(trace)).toEqual([])
    expect(trace.left).toEqual([])
  }

  test('what is looked for would be found: ONNX Runtime alone reports', () => {
    const runtime = path.resolve(import.meta.dirname, '../../node_modules/onnxruntime-node')
    const code = `require(${JSON.stringify(runtime)}).InferenceSession.create(${JSON.stringify(model)})`
    const trace = machine.run(['-e', code])
    expect(trace.status).toBe(0)
    expect(trace.left.filter((name) => name.startsWith('mat-debug'))).toHaveLength(1)
    expect(foreign(trace)).toContainEqual(expect.stringContaining('.cache/Microsoft'))
    fs.rmSync(path.join(machine.home, '.cache'), { recursive: true })
    for (const name of trace.left) fs.rmSync(path.join(machine.temporary, name))
  })

  test('what is looked for would be found: a socket', () => {
    const code = "require('net').connect(9, '192.0.2.1').on('error', () => undefined)"
    const { internet } = machine.run(['-e', code])
    expect(internet).toContainEqual(expect.stringMatching(/^socket\(AF_INET/))
    expect(internet).toContainEqual(expect.stringContaining('192.0.2.1'))
  })

  test.each([
    ['compress', [model, '--recipe', 'safe', '--out', 'small']],
    ['evaluate', [model]],
    ['compare', [model, 'small/model.onnx']],
    ['export', ['small/model.onnx', '--target', 'android', '--out', 'bundle.zip']],
    ['search', [model, '--job', '0', '--max-drop', '100', '--out', 'best']],
    // What was tried is there to conclude from, however slow the machine is.
    ['search', [model, '--resume', '--minutes', '0.02', '--max-drop', '100', '--out', 'best']],
  ])('pare %s', async (command, args) => {
    expectSilent(machine.run([await bundled('cli'), command, ...args, '--data', data]))
  })

  test('the search was concluded', () => {
    expect(fs.readdirSync(path.join(machine.work, 'best')).join(' ')).toMatch(/search\.json/)
  })

  test('pictures, texts, a table and Parquet, in an engine that nobody told to be silent', async () => {
    const { texts, rows } = freeModels(machine.work)
    const data = [
      [path.join(digits, 'lenet5.onnx'), path.join(digits, 'data', 'calibration')],
      [texts, path.join(seeds, 'texts.jsonl')],
      [rows, path.join(seeds, 'table.csv')],
      [rows, fixture('conforming_columns.parquet')],
    ]
    const driver = path.join(import.meta.dirname, 'drive-engine.mjs')
    const trace = machine.run([driver, await bundled('worker'), JSON.stringify(data)])
    expectSilent(trace)
    expect(JSON.parse(trace.stdout)).toEqual(['images', 'text', 'table', 'parquet'])
  })

  test('pare export as C, compiled where there is a compiler', async () => {
    expectSilent(
      machine.run([await bundled('cli'), 'export', model, '--target', 'c', '--out', 'c.zip', '--data', data]),
    )
  })

  test('the browser shell listens to this machine, and that is all', async () => {
    const driver = [process.execPath, path.join(import.meta.dirname, 'drive-shell.mjs')]
    const { internet, ...trace } = machine.run([await bundled('browser-shell')], driver)
    expectSilent({ ...trace, internet: [] })
    expect(JSON.parse(trace.stdout)).toMatchObject({
      model: 'ready',
      data: 'ready',
      run: 'done',
      exported: true,
    })
    expect(internet).toEqual([
      expect.stringMatching(/^socket\(AF_INET, SOCK_STREAM/),
      expect.stringMatching(/^bind\(.*sin_addr=inet_addr\("127\.0\.0\.1"\)/),
    ])
    expect(fs.existsSync(path.join(machine.home, '.local', 'share', 'Pare'))).toBe(true)
  })
})
