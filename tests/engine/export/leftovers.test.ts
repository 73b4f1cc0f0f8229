/** What an export that was killed left beside its destination. */
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { clearLeftovers } from '../../../src/engine/export/archive'
import { write } from '../data/support'
import { temporaryFolder } from '../run/support'

const dead = spawnSync(process.execPath, ['-e', '']).pid

test('half bundles go; what others make, and what only looks alike, stays', () => {
  const folder = write(temporaryFolder(), {
    [`.b.zip-${dead}-abcdef/model.onnx`]: 'half',
    [`.b.zip-${dead}-abcdef.zip`]: 'half',
    [`.b.zip-${process.pid}-abcdef/model.onnx`]: 'of one that works',
    [`.other.zip-${dead}-abcdef.zip`]: 'beside another bundle',
    [`.b.zip-${dead}-abcdef.txt`]: 'mine',
    'b.zip': 'whole',
  })
  clearLeftovers(path.join(folder, 'b.zip'))
  expect(fs.readdirSync(folder).sort()).toEqual(
    [
      `.b.zip-${dead}-abcdef.txt`,
      `.b.zip-${process.pid}-abcdef`,
      `.other.zip-${dead}-abcdef.zip`,
      'b.zip',
    ].sort(),
  )
  clearLeftovers(path.join(folder, 'nowhere', 'b.zip'))
})

test.each([true, false])('a bundle moved aside is put back unless a new one is there: %s', (there) => {
  const folder = write(temporaryFolder(), {
    [`.b-${dead}-abcdef-old/manifest.json`]: 'old',
    ...(there && { 'b/manifest.json': 'new' }),
  })
  clearLeftovers(path.join(folder, 'b'))
  expect(fs.readdirSync(folder)).toEqual(['b'])
  expect(fs.readFileSync(path.join(folder, 'b', 'manifest.json'), 'utf8')).toBe(there ? 'new' : 'old')
})
