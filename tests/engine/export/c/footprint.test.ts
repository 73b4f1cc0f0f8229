/** Flash and RAM of written C: against what GNU's `size` says of the whole linked thing, and where no compiler is. */
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { expect, test } from 'vitest'
import { codeSize } from '../../../../src/engine/export/c/code-size'
import { compile, findCompiler, writeSources } from '../../../../src/engine/export/c/compiler'
import { footprintOf } from '../../../../src/engine/export/c/footprint'
import { generate } from '../../../../src/engine/export/c/generate'
import { footprintOn } from '../../../../src/engine/export/footprint'
import { findTarget } from '../../../../src/engine/targets'
import { Net } from '../../passes/pruning/build'
import { coded, separable } from './nets'

const ARM = 'arm-none-eabi-gcc'
const hasArm = findCompiler([ARM]) !== undefined
const board = findTarget('cortex-m4f').board!
const made = await generate(separable(), 'model')

/** Inputs and outputs of one sample, float32. */
const PORTS = (3 * 16 * 16 + 5) * 4

test('flash is constants and code, RAM is arena, sample and stack, time goes by multiply-accumulates', () => {
  const taken = footprintOf(made, board)
  const { codeBytes, stackBytes = 0 } = codeSize(made, board.compiler)
  expect(taken.flashBytes).toBe(made.constantBytes + codeBytes)
  expect(taken.ramBytes).toBe(made.arenaBytes + PORTS + stackBytes)
  expect(taken.milliseconds).toBeCloseTo((made.macs * board.cyclesPerMac!.float32 * 1000) / board.clockHz!)
  expect(taken.has).toEqual({ flashBytes: board.flashBytes, ramBytes: board.ramBytes })
  const { has, milliseconds } = footprintOf(made, findTarget('c').board!)
  expect([has, milliseconds]).toEqual([undefined, undefined])
})

test.skipIf(!hasArm)(
  `what is counted is what the linker makes of code and weights together${hasArm ? '' : ` (left out: no ${ARM})`}`,
  () => {
    const { flags, linker } = board.compiler
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'pare-flash-'))
    try {
      writeSources(made, 'model', folder)
      const all = ['-std=c99', '-Os', '-ffunction-sections', '-fdata-sections', ...flags, ...linker!]
      const link = ['-nostartfiles', '-Wl,--gc-sections,-e,model_run']
      const built = compile(ARM, folder, ['model.c', 'model_weights.c'], 'whole.elf', [...all, ...link])
      expect(built).toMatchObject({ ok: true })
      const { stdout } = spawnSync('arm-none-eabi-size', ['whole.elf'], { cwd: folder, encoding: 'utf8' })
      const text = Number(stdout.split('\n')[1]!.trim().split(/\s+/)[0])
      const { flashBytes, stackBytes } = footprintOf(made, board)
      // But for what is aligned to words, of which there is less than one a table.
      expect(Math.abs(flashBytes - text)).toBeLessThan(4 * 20)
      expect(stackBytes).toBeGreaterThan(50)
      expect(stackBytes).toBeLessThan(1000)
    } finally {
      fs.rmSync(folder, { recursive: true, force: true })
    }
  },
)

test('without the compiler of the board code is an estimate that says so', () => {
  const none = codeSize(made, { command: 'no-such-gcc', flags: [] })
  expect(none.stackBytes).toBeUndefined()
  expect(none.source).toMatch(/estimate/)
  const own = hasArm ? codeSize(made, board.compiler) : none
  expect(none.codeBytes / own.codeBytes).toBeGreaterThan(0.6)
  expect(none.codeBytes / own.codeBytes).toBeLessThan(2)
})

test('smaller codes take less flash', async () => {
  const four = coded(separable(), (value) => Math.max(-7, Math.min(7, Math.round(value * 10))) / 8)
  const taken = footprintOf(await generate(four, 'model'), board)
  expect(taken.constantBytes).toBeLessThan(made.constantBytes / 3)
})

test('what has no C says why, and other targets have no footprint', async () => {
  const net = new Net(1)
  const found = net.op('NonZero', [net.input('x', [4])])
  const unsized = net.output(net.op('Cast', [found], { to: { int: 1 } }), 2).model
  expect(await footprintOn(unsized, findTarget('c'))).toMatchObject({
    reason: expect.stringContaining('NonZero'),
  })
  expect(await footprintOn(separable(), findTarget('ios'))).toBeUndefined()
  expect(await footprintOn(separable(), findTarget('risc-v'))).toMatchObject({ target: 'esp32-c3' })
})
