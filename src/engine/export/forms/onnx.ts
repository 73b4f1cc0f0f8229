/** ONNX: the model as it is, for every ONNX Runtime. */
import fs from 'node:fs'
import { SOURCE, SOURCE_DATA } from '../files'
import { DEVICE_SESSION } from '../golden'
import { LANGUAGES } from '../snippets'
import { defineForm } from './form'
import { verifyByOnnxRuntime } from './verification'

export const onnx = defineForm({
  id: 'onnx',
  title: SOURCE,
  purpose: 'the model',
  async write(_, files) {
    files.add(SOURCE, this.purpose)
    const data = fs.existsSync(files.path(SOURCE_DATA))
    if (data) files.add(SOURCE_DATA, 'its weights, to lie beside it')
    return {
      model: { file: SOURCE, optimization: 'none', ...(data && { data: SOURCE_DATA }) },
      download: data ? [SOURCE, SOURCE_DATA] : [SOURCE],
    }
  },
  verify: (_, files, golden) =>
    verifyByOnnxRuntime(files.path(SOURCE), { ...DEVICE_SESSION, optimization: 'disabled' }, golden),
  snippets: (context) => LANGUAGES.map((language) => ({ ...language, code: language.code(context) })),
  selfCheck: (file) => ({
    title: 'Python',
    fence: 'python',
    code: `import json
import os
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
import numpy as np
import onnxruntime as ort

manifest = json.load(open("manifest.json"))
session = ort.InferenceSession("${file}")
for sample in manifest["golden"]:
    feeds = {name: np.load(file) for name, file in sample["inputs"].items()}
    names = list(sample["outputs"])
    for name, got in zip(names, session.run(names, feeds)):
        difference = np.abs(got.astype(np.float64) - np.load(sample["outputs"][name])).max()
        assert difference <= manifest["tolerance"][name], (name, difference)
print("The outputs are as they should be.")`,
  }),
  sections: () => [
    '## What ONNX Runtime tells',
    "Microsoft's builds of ONNX Runtime from 1.29 on report to Microsoft, with the model's name and the device, unless " +
      '`ORT_DISABLE_TELEMETRY=1` stands in the environment of the process before the runtime is loaded: on Linux, ' +
      'macOS, Android and iOS, as the code above does. From React Native call `setenv` (iOS) or ' +
      '`android.system.Os.setenv` in the native start of the app. On Windows the runtime leaves it to the system ' +
      '(Settings, Diagnostics & feedback), and `DisableTelemetryEvents` of its C, C#, Python and Java interface ends ' +
      'all but the first event. A build of your own with `--no_telemetry` holds none of it.',
  ],
})
