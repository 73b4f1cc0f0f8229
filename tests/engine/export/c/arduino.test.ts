/** The folder as a library of Arduino: where its builder looks for what, and a sketch that C++ takes. */
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { expect, test } from 'vitest'
import { stage } from '../../../../src/engine/export/stage'
import { verifyBundle } from '../../../../src/engine/export/verify'
import { writeModel } from '../../../../src/engine/onnx'
import { findTarget } from '../../../../src/engine/targets'
import { Net } from '../../passes/pruning/build'
import { cmake, hasCMake } from './cmake'
import { compiler, WITHOUT } from './support'

/** What a sketch uses of Arduino's core. */
const CORE = `#pragma once
struct Port {
  void begin(long) {}
  template <typename T> void print(T) {}
  template <typename T> void println(T, int = 0) {}
};
static Port Serial;
static unsigned long micros() { return 0; }
static void delay(int) {}
`

const run = (folder: string, command: string, words: readonly string[]): string => {
  const { status, stdout, stderr } = spawnSync(command, words, { cwd: folder, encoding: 'utf8' })
  return `${status} ${stdout}${stderr}`
}

test.skipIf(!compiler)(`sources, golden samples and sketch of a library${WITHOUT}`, async () => {
  const out = fs.mkdtempSync(path.join(os.tmpdir(), 'pare-arduino-'))
  try {
    const model = path.join(out, 'source.onnx')
    const net = new Net(1)
    writeModel(net.output(net.gemm(net.input('x', ['batch', 6]), 6, 3), 2).model, model)
    const request = { model, name: 'net', target: findTarget('c'), goldenSamples: 1, arduino: true }
    const { plan } = await stage(request, out)
    expect(plan.checks.filter(({ severity }) => severity === 'error')).toEqual([])
    const names = plan.entries.map(({ name }) => name)
    expect(names).toEqual(
      expect.arrayContaining([
        'c/library.properties',
        'c/src/model.h',
        'c/src/model.c',
        'c/examples/run/run.ino',
      ]),
    )
    fs.rmSync(model)
    const { checks } = await verifyBundle(out)
    expect(checks.map(({ severity, message }) => `${severity} ${message}`)).toEqual([
      expect.stringContaining('have their hashes'),
      expect.stringContaining('warning c/src/model.c: sources are code'),
    ])
    const folder = path.join(out, 'c')
    const golden = [
      '-Isrc',
      'extras/test_model.c',
      'src/model.c',
      'src/model_weights.c',
      '-lm',
      '-o',
      'golden',
    ]
    expect(run(folder, compiler!, golden)).toBe('0 ')
    expect(run(folder, path.join(folder, 'golden'), [])).toContain(
      '0 model: the outputs are as they should be',
    )
    if (hasCMake) expect(cmake(folder)).toContain('100% tests passed')
    fs.writeFileSync(path.join(folder, 'Arduino.h'), CORE)
    const sketch = ['-x', 'c++', '-include', 'Arduino.h', '-Isrc', '-fsyntax-only', 'examples/run/run.ino']
    expect(run(folder, compiler!, sketch)).toMatch(/^0 |cc1plus/)
  } finally {
    fs.rmSync(out, { recursive: true, force: true })
  }
})
