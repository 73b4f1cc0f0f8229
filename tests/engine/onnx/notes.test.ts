import { expect, it } from 'vitest'
import { namesPlace, stripNotes } from '../../../src/engine/onnx'
import { wires } from '../evaluate/support'

it('knows a place on a machine from a word', () => {
  for (const text of ['/home/ann/net.py', 'File "/Users/bo/x.py"', 'C:\\models\\a', 'at D:/work/b'])
    expect(namesPlace(text), text).toBe(true)
  for (const text of ['a/b', 'N/A', 'http://example.org', '', 'ratio 1:2'])
    expect(namesPlace(text), text).toBe(false)
})

it('takes notes out and leaves the rest', () => {
  const model = wires({ x: { dims: [1, 2] } })
  expect(stripNotes(model)).toBe(0)
  // NodeProto.doc_string (6), metadata_props (9), and a field this version does not know (99).
  const field = (number: number, text: string): Uint8Array => {
    const tag = number * 8 + 2
    const head = tag < 128 ? [tag] : [(tag & 0x7f) | 0x80, tag >> 7]
    return Uint8Array.from([...head, text.length, ...Buffer.from(text)])
  }
  const unknown = field(99, 'kept')
  model.graph.nodes[0]!.unknown = [field(6, 'note'), field(9, 'trace'), unknown]
  model.metadata.set('author', 'somebody').set('source', '/home/ann/train.py')
  model.docString = 'made in /home/ann'
  expect(stripNotes(model)).toBeGreaterThan(0)
  expect(model.graph.nodes[0]!.unknown).toEqual([unknown])
  expect([...model.metadata.keys()]).toEqual(['author'])
  expect(model.docString).toBe('')
})
