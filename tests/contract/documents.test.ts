/** The schemas of what `--json` prints, as docs/schemas/ has them (`npx vitest run tests/contract/documents.test.ts -u`). */
import fs from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { DOCUMENTS, schemaId, type DocumentKind } from '../../src/contract/documents'

const folder = path.resolve('docs/schemas')
const kinds = Object.keys(DOCUMENTS) as DocumentKind[]

test.each(kinds)('docs/schemas holds the schema of %s', async (kind) => {
  const schema = z.toJSONSchema(DOCUMENTS[kind], { io: 'input' })
  const file = path.join(folder, `${schemaId(kind)}.schema.json`)
  await expect(`${JSON.stringify(schema, null, 2)}\n`).toMatchFileSnapshot(file)
})

test('there are no others', () => {
  const names = fs.readdirSync(folder)
  expect(names.sort()).toEqual(kinds.map((kind) => `${schemaId(kind)}.schema.json`).sort())
})

test('docs/formats.md names each', () => {
  const text = fs.readFileSync(path.resolve('docs/formats.md'), 'utf8')
  expect(kinds.filter((kind) => !text.includes(`(schemas/${schemaId(kind)}.schema.json)`))).toEqual([])
})
