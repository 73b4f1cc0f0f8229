/** Other writers of C, measured on the same models where they are installed. */
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { TFLM } from './tflm'

export interface PeerModel {
  /** Of the reference set. */
  name: string
  file: string
  integer: boolean
  /** Of its input. */
  dims: readonly number[]
}

export interface Peer {
  name: string
  isInstalled(): boolean
  /** Files to compile and link, of one sample a run. Undefined where it does not take the model. */
  write(model: PeerModel, folder: string, optimization: '-Os' | '-O2'): string[] | undefined
  /** Its function of an input and an output. */
  entry: string
  /** An expression of C for the bytes of memory it takes besides its stack. */
  arena?: string
}

const python = process.env['PARE_PYTHON'] ?? 'python3'
const onnx2c = process.env['PARE_ONNX2C'] ?? 'onnx2c'

const run = (command: string, args: readonly string[], cwd?: string): string | undefined => {
  const { status, stdout } = spawnSync(command, args, {
    encoding: 'utf8',
    maxBuffer: 2 ** 30,
    ...(cwd && { cwd }),
  })
  return status === 0 ? stdout : undefined
}

export const PEERS: readonly Peer[] = [
  {
    name: 'emx-onnx-cgen',
    entry: 'peer',
    isInstalled: () => run(python, ['-c', 'import emx_onnx_cgen']) !== undefined,
    write({ file: model }, folder) {
      const options = ['--model-name', 'peer', '--input-dim', 'batch=1']
      const whole = ['--large-weight-threshold', '0', '--large-temp-threshold', '0']
      const code = 'import sys; from emx_onnx_cgen.cli import main; sys.exit(main(sys.argv[1:]))'
      const made = run(python, ['-c', code, 'compile', model, 'made.c', ...options, ...whole], folder)
      return made === undefined ? undefined : ['made.c']
    },
  },
  {
    name: 'onnx2c',
    entry: 'entry',
    isInstalled: () => run(onnx2c, ['--version']) !== undefined,
    // What lies between layers goes to the stack, where it is counted.
    write({ file }, folder) {
      const source = run(onnx2c, ['-n', '-d', 'batch:1', file])
      if (source === undefined) return undefined
      fs.writeFileSync(path.join(folder, 'peer.c'), source)
      return ['peer.c']
    },
  },
  TFLM,
]
