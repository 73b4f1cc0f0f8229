import path from 'node:path'
import { expect, it } from 'vitest'
import { z } from 'zod'
import { SampleForm } from '../../../src/contract/sample-form'
import { manifestSchema } from '../../../src/engine/export/manifest'

it('is documented by the schema in docs/ (vitest -u writes it anew)', async () => {
  const file = path.resolve(import.meta.dirname, '../../../docs/manifest.schema.json')
  await expect(manifestSchema()).toMatchFileSnapshot(file)
})

it('says how raw samples become inputs, as the schema in docs/ has it', async () => {
  const file = path.resolve(import.meta.dirname, '../../../docs/preprocessing.schema.json')
  await expect(`${JSON.stringify(z.toJSONSchema(SampleForm), null, 2)}\n`).toMatchFileSnapshot(file)
})
