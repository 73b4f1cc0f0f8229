import { text } from 'node:stream/consumers'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { unpack } from '../../src/browser-shell/unpack'
import { PACKED_FILE_BYTES } from '../../src/contract/wire'
import { packed, packs } from '../../src/renderer/host/upload'

async function* pieces(body: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < body.length; at += size) yield body.subarray(at, at + size)
}

const bodyOf = async (files: { path: string; content: string }[]): Promise<Buffer> =>
  Buffer.from(
    await packed(
      files.map(({ path, content }) => ({ path, file: new Blob([content]) as File })),
    ).arrayBuffer(),
  )

async function stored(body: Buffer, size = 64): Promise<{ path: string; content: string }[]> {
  const found: { path: string; content: string }[] = []
  await unpack(pieces(body, size), async (path, content) => {
    found.push({ path, content: await text(content) })
  })
  return found
}

describe('a pack of files', () => {
  it('comes out as it went in, wherever its pieces end', async () => {
    const file = fc.record({ path: fc.string({ minLength: 1 }), content: fc.string({ unit: 'grapheme' }) })
    await fc.assert(
      fc.asyncProperty(
        fc.array(file, { maxLength: 8 }),
        fc.integer({ min: 1, max: 50 }),
        async (files, size) => {
          expect(await stored(await bodyOf(files), size)).toEqual(files)
        },
      ),
      { numRuns: 60 },
    )
  })

  it.each([
    ['{"path":"a","bytes":5}\nabc', 'ends in the middle'],
    ['{"path":"a","bytes":-1}\n', 'not written as it should be'],
    [`{"path":"a","bytes":${PACKED_FILE_BYTES + 1}}\n`, 'not written as it should be'],
    ['{"path":7,"bytes":1}\na', 'not written as it should be'],
    ['x'.repeat(20_000), 'a name without end'],
    ['\n', 'not written as it should be'],
  ])('%# is refused in a sentence', async (body, reason) => {
    await expect(stored(Buffer.from(body))).rejects.toMatchObject({
      code: 'bad-request',
      data: { reason: expect.stringContaining(reason) },
    })
  })
})

describe('packs', () => {
  const sized = (...sizes: number[]) =>
    sizes.map((size, at) => ({ path: String(at), file: { size } as File }))

  it('make few requests of many small files, and leave large ones alone', () => {
    const many = packs(sized(...Array.from({ length: 20_000 }, () => 3000)))
    expect(many.length).toBeLessThan(25)
    expect(many.flat()).toHaveLength(20_000)
    const mixed = packs(sized(10, PACKED_FILE_BYTES + 1, 10)).map((files) => files.map(({ path }) => path))
    expect(mixed).toEqual([['0', '2'], ['1']])
  })
})
