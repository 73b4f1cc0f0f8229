/** Bytes of machine code and stack of written C: by the board's compiler where this machine has it, else estimated. */
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { onDisk } from '../../../contract/errors'
import { temporaryFolder } from '../../onnx/temporary'
import type { Board } from '../../targets/board'
import { compile, findCompiler, writeSources } from './compiler'
import type { Emitted } from './emit'

interface CodeSize {
  /** With what it needs of the compiler's libraries where it could be linked. */
  codeBytes: number
  /** Absent where only the board's own compiler could tell it. */
  stackBytes?: number
  /** How they were found. */
  source: string
}

const PREFIX = 'model'
/** No tables of exceptions: C has none, and firmware leaves them out. */
const SMALL = ['-std=c99', '-Os', '-ffunction-sections', '-fdata-sections', '-fno-asynchronous-unwind-tables']
/** Weights are counted exactly without being compiled, and start-up code is the chip's. */
const LINK = ['-nostartfiles', `-Wl,--gc-sections,-e,${PREFIX}_run,--unresolved-symbols=ignore-all`]
/** Characters of source a byte of code: fewer than any of the five boards' compilers needed of the reference models. */
const CHARACTERS = 3

const known = new Map<string, boolean>()

/** Asked once for each command. */
function isThere(command: string): boolean {
  const found = known.get(command) ?? findCompiler([command]) !== undefined
  known.set(command, found)
  return found
}

export function codeSize(emitted: Emitted, { command, flags, linker }: Board['compiler']): CodeSize {
  const own = isThere(command) ? counted(emitted, command, flags, linker) : undefined
  if (own) return own
  const host = findCompiler()
  const near = host ? counted(emitted, host, []) : undefined
  if (near)
    return {
      codeBytes: near.codeBytes,
      source: `code as ${host} makes it for this machine, an estimate, as ${command} is not installed`,
    }
  return {
    codeBytes: Math.ceil(emitted.code.length / CHARACTERS),
    source: 'code estimated from the length of its source, as this machine has no C compiler',
  }
}

function counted(
  emitted: Emitted,
  command: string,
  flags: readonly string[],
  linker?: readonly string[],
): CodeSize | undefined {
  const folder = temporaryFolder('code-size')
  try {
    onDisk(folder, () => writeSources({ ...emitted, weights: '' }, PREFIX, folder))
    const object = compile(command, folder, ['-c', `${PREFIX}.c`], `${PREFIX}.o`, [
      ...SMALL,
      '-fstack-usage',
      ...flags,
    ])
    if (!object.ok) return undefined
    const linked =
      linker && compile(command, folder, [`${PREFIX}.o`], `${PREFIX}.elf`, [...flags, ...linker, ...LINK]).ok
    const codeBytes = textOf(command, folder, `${PREFIX}.${linked ? 'elf' : 'o'}`)
    if (codeBytes === undefined) return undefined
    return {
      codeBytes,
      stackBytes: stackIn(path.join(folder, `${PREFIX}.su`)),
      source: `code and stack by ${command} -Os${linked ? '' : ', without what it calls in libraries'}`,
    }
  } finally {
    fs.rmSync(folder, { recursive: true, force: true })
  }
}

/** Code and constants, by the `size` that comes with the compiler. */
function textOf(command: string, folder: string, file: string): number | undefined {
  const size = command.replace(/(g?cc|clang)$/, 'size')
  const { status, stdout } = spawnSync(size, [file], { cwd: folder, encoding: 'utf8' })
  const bytes = Number(/^\s*(\d+)/.exec(stdout?.split('\n')[1] ?? '')?.[1])
  return status === 0 && Number.isFinite(bytes) ? bytes : undefined
}

/** Runs call steps, and steps call helpers: the frame of the run and the two largest others. */
function stackIn(file: string): number {
  const lines = fs.existsSync(file) ? fs.readFileSync(file, 'utf8').split('\n') : []
  const frames = lines.flatMap((line): [string, number][] => {
    const [name = '', bytes] = line.split('\t')
    return bytes === undefined ? [] : [[name, Number(bytes)]]
  })
  const own = frames.find(([name]) => name.endsWith(`:${PREFIX}_run`))?.[1] ?? 0
  const others = frames.filter(([name]) => !name.endsWith(`:${PREFIX}_run`)).map(([, bytes]) => bytes)
  const [most = 0, next = 0] = others.sort((a, b) => b - a)
  return own + most + next
}
