/** Quantization by time and peak memory, and calibration's memory from a hundred to ten thousand samples. */
import fs from 'node:fs'
import path from 'node:path'
import { inChild } from './support/child'
import type { Entry, Figure } from './support/figure'

const tasks = new URL('./quantize-tasks.js', import.meta.url).href

/** Models that may lie beside a checkout, with their data. */
const reference = path.resolve('../shared/reference')
const MODELS = [
  ['lenet300', 'digits/npz'],
  ['lenet5', 'digits/npz'],
  ['cnn1d', 'bearing/npz'],
  ['mlp', 'control'],
  ['bert', 'text'],
] as const
const WORK = ['static int8, min-max', 'static int8, best ranges and limit', 'GPTQ, 4 bits']

export const entry: Entry = {
  about: 'quantizing: time and peak resident memory of a process of its own, by model',
  async run(chosen) {
    const figures: Figure[] = []
    for (const [name, data] of fs.existsSync(reference) ? MODELS : []) {
      if (chosen.length > 0 && !chosen.includes(name)) continue
      const file = path.join(reference, 'models', `${name}.onnx`)
      for (const work of WORK) {
        const { seconds, wholeSeconds, peakMegabytes } = await inChild<number>(
          tasks,
          work,
          file,
          path.join(reference, 'data', data),
        )
        figures.push({ what: `${name}, ${work}: time`, value: seconds, unit: 's' })
        figures.push({ what: `${name}, ${work}: time, start included`, value: wholeSeconds, unit: 's' })
        figures.push({ what: `${name}, ${work}: peak memory`, value: peakMegabytes, unit: 'MB' })
      }
    }
    const few = await inChild<number>(tasks, 'calibrate', '100')
    const many = await inChild<number>(tasks, 'calibrate', '10000')
    return [
      ...figures,
      { what: 'calibrating on 100 samples: peak memory', value: few.peakMegabytes, unit: 'MB' },
      { what: 'calibrating on 10,000 samples: peak memory', value: many.peakMegabytes, unit: 'MB' },
      { what: 'calibrating on 10,000 samples: time', value: many.seconds, unit: 's' },
      {
        what: 'memory of 10,000 samples to that of 100',
        value: many.peakMegabytes / few.peakMegabytes,
        unit: '×',
        wanted: { atMost: 1.3 },
      },
    ]
  },
}
