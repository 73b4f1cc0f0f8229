import path from 'node:path'
import { expect, it } from 'vitest'
import { manifestSchema } from '../../../src/engine/export/manifest'

it('is documented by the schema in docs/ (vitest -u writes it anew)', async () => {
  const file = path.resolve(import.meta.dirname, '../../../docs/manifest.schema.json')
  await expect(manifestSchema()).toMatchFileSnapshot(file)
})
