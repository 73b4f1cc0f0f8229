/** What lies beside a model of how its data is read. */
import fs from 'node:fs'
import path from 'node:path'
import type { DataSpec } from '../contract/dataset'
import { readSpec, SPEC_FILE } from '../service/data-spec'

export function specBeside(model: string): { file: string; spec: DataSpec } | undefined {
  const file = path.join(path.dirname(model), SPEC_FILE)
  return fs.existsSync(file) ? { file, spec: readSpec(file) } : undefined
}
