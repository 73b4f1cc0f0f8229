/** A generated model of 2 GB: opening with inspection, and a rewrite of all its weights, by time and memory. */
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { inChild } from './support/child'
import type { Entry } from './support/figure'

const tasks = new URL('./large-tasks.js', import.meta.url).href

export const entry: Entry = {
  about: 'a 2 GB model: inspect and rewrite, peak resident memory of the process',
  async run() {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'pare-bench-'))
    const file = path.join(folder, 'large.onnx')
    try {
      const idle = await inChild<number>(tasks, 'nothing')
      const made = await inChild<number>(tasks, 'make', file)
      const inspected = await inChild<{ parameters: number; macs: number; issues: string[] }>(
        tasks,
        'inspect',
        file,
      )
      const rewritten = await inChild<number>(tasks, 'rewrite', file, path.join(folder, 'half.onnx'))
      if (inspected.result.parameters !== inspected.result.macs || inspected.result.issues.length > 0)
        throw new Error(`inspected wrongly: ${JSON.stringify(inspected.result)}`)
      return [
        { what: 'size of the model', value: made.result / 1e6, unit: 'MB' },
        { what: 'size rewritten in half precision', value: rewritten.result / 1e6, unit: 'MB' },
        { what: 'a process that does nothing: peak memory', value: idle.peakMegabytes, unit: 'MB' },
        { what: 'open and inspect: time', value: inspected.seconds, unit: 's' },
        {
          what: 'open and inspect: peak memory',
          value: inspected.peakMegabytes,
          unit: 'MB',
          wanted: { atMost: 300 },
        },
        { what: 'rewrite of all weights: time', value: rewritten.seconds, unit: 's' },
        {
          what: 'rewrite of all weights: peak memory',
          value: rewritten.peakMegabytes,
          unit: 'MB',
          wanted: { atMost: 600 },
        },
      ]
    } finally {
      fs.rmSync(folder, { recursive: true, force: true })
    }
  },
}
