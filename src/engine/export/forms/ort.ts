/** ONNX Runtime's own format, optimized beforehand, for its minimal builds. */
import fs from 'node:fs'
import { SOURCE } from '../files'
import { DEVICE_SESSION } from '../golden'
import { LANGUAGES } from '../snippets'
import { operatorsConfig } from '../operators'
import { defineForm } from './form'
import { writeOptimized } from './optimized'
import { verifyByOnnxRuntime } from './verification'

const FILE = 'model.ort'
const CONFIG = 'required_operators.config'

/** Languages of phones, where the small runtime is worth its build. */
const MOBILE = new Set(['kotlin', 'swift', 'javascript'])

export const ort = defineForm({
  id: 'ort',
  title: FILE,
  purpose: "the same for ONNX Runtime's minimal builds",
  orderedBy: 'ONNX Runtime',
  async write(model, files, { optimization }) {
    const source = files.path(SOURCE)
    const converted = await writeOptimized(source, files.path(FILE), optimization)
    if (converted.file) files.add(FILE, `${this.purpose}, optimized (${optimization})`)
    const optimized = await writeOptimized(source, files.path('optimized.onnx'), optimization)
    const config = operatorsConfig(model, optimized.file)
    fs.rmSync(files.path('optimized.onnx'), { force: true })
    files.write(CONFIG, config, 'operators for a reduced build of ONNX Runtime')
    return converted.file
      ? { model: { file: FILE, optimization }, download: [FILE] }
      : { reason: converted.reason! }
  },
  verify: (_, files, golden) => verifyByOnnxRuntime(files.path(FILE), DEVICE_SESSION, golden),
  snippets: (context) =>
    LANGUAGES.filter(({ language }) => MOBILE.has(language)).map((language) => ({
      ...language,
      code: language.code(context),
    })),
  sections: () => [
    '## A smaller runtime',
    '`required_operators.config` lists the operators of this model. ONNX Runtime built with ' +
      '`--minimal_build --include_ops_by_config required_operators.config` loads `model.ort` and holds nothing else.',
  ],
})
