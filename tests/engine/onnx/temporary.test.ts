import fs from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { temporaryFolder } from '../../../src/engine/onnx/temporary'
import * as support from '../run/support'

test('a folder for temporary files that is not there, or a file, is named', () => {
  const parent = support.temporaryFolder()
  const file = path.join(parent, 'file')
  fs.writeFileSync(file, '')
  for (const place of [path.join(parent, 'none'), file])
    expect(() => temporaryFolder('test', place)).toThrow(
      expect.objectContaining({ code: 'disk/failed', data: expect.objectContaining({ path: place }) }),
    )
  expect(path.basename(temporaryFolder('test', parent))).toMatch(/^pare-test-/)
})
