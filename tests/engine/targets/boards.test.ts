/** Microcontrollers as targets: what the latency model makes of them, and that each has what its declaration says. */
import { describe, expect, test } from 'vitest'
import { TARGETS } from '../../../src/engine/targets'
import { deviceOf, type Board } from '../../../src/engine/targets/board'

const BOARDS = TARGETS.flatMap((target) => (target.board ? [{ ...target, board: target.board }] : []))

test('the kinds of the issue are there: without and with a floating point unit, RISC-V, and one without a chip', () => {
  expect(BOARDS.map(({ id }) => id)).toEqual([
    'c',
    'cortex-m0plus',
    'cortex-m4f',
    'cortex-m7',
    'esp32-s3',
    'esp32-c3',
  ])
})

describe.each(BOARDS.map((target) => [target.id, target] as const))('%s', (id, target) => {
  const { flashBytes, ramBytes, clockHz, cyclesPerMac, compiler } = target.board

  test('tells the window and the command line what it has', () => {
    expect(target.description.board).toEqual({ flashBytes, ramBytes })
    expect(target.forms).toEqual(['c'])
    expect(compiler.command).toMatch(/gcc$/)
  })

  test.skipIf(id === 'c')('has flash, RAM and a clock, and an estimate of time from its cycles', () => {
    expect(flashBytes! > ramBytes! && clockHz! >= 16e6).toBe(true)
    const { macsPerSecond, speed } = target.device!
    expect(clockHz! / macsPerSecond).toBeCloseTo(cyclesPerMac!.float32)
    expect(clockHz! / (macsPerSecond * speed.int8)).toBeCloseTo(cyclesPerMac!.int8)
    expect(target.description.sources.some((source) => source.includes('QEMU'))).toBe(true)
  })
})

test('without a clock or cycles there is no estimate', () => {
  const board: Board = { compiler: { command: 'gcc', flags: [] } }
  expect(deviceOf(board, 'x')).toBeUndefined()
  expect(deviceOf({ ...board, clockHz: 1e6 }, 'x')).toBeUndefined()
})
