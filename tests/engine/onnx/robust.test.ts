/** Whatever the bytes, the reader gives a model or a PareError: never a crash, a hang or a huge allocation. */
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { PareError } from '../../../src/contract/errors'
import {
  decodeModel,
  encodeModel,
  Graph,
  Model,
  Node,
  readModel,
  scoreMaps,
  Tensor,
  withScoreTables,
  writeModel,
} from '../../../src/engine/onnx'
import { bytes, int, model as envelope, port, tensor, text } from './build'

let folder: string
beforeAll(() => void (folder = fs.mkdtempSync(path.join(os.tmpdir(), 'onnx-robust-'))))
afterAll(() => fs.rmSync(folder, { recursive: true }))

/** Every kind of message: tensors raw and typed, attributes of all types, a nested graph, metadata. */
function sample(): Uint8Array {
  const model = new Model()
  model.opsets.set('', 21)
  model.metadata.set('key', 'value')
  const { graph } = model
  graph.inputs = [{ name: 'x', dtype: 'float32', dims: ['n', 2] }]
  graph.outputs = [{ name: 'y', dtype: 'float32', dims: ['n', 2] }]
  graph.initializers.set('w', Tensor.float32([2, 2], [1, 2, 3, 4]))
  graph.initializers.set('s', Tensor.fromStrings([1], ['text']))
  const inner = new Graph()
  inner.nodes = [new Node({ opType: 'Identity', inputs: ['x'], outputs: ['z'] })]
  inner.outputs = [{ name: 'z' }]
  graph.addNode({
    opType: 'MatMul',
    inputs: ['x', 'w'],
    outputs: ['y'],
    attributes: {
      a: { int: -1 },
      b: { ints: [1, 2 ** 40] },
      c: { float: 0.5 },
      d: { floats: [1, 2] },
      e: 'text',
      f: ['p', 'q'],
      g: { type: 'tensor', value: Tensor.int64([3]) },
      h: { type: 'graph', value: inner },
      i: { type: 'graphs', value: [inner] },
      j: { type: 'tensors', value: [Tensor.int64([3])] },
    },
  })
  return encodeModel(model)
}

/** Reads everything there is to read, as a pass would. */
function readAll(source: Uint8Array): 'model' | 'error' {
  try {
    const model = decodeModel(source)
    for (const { tensor: constant } of model.constants()) {
      if (constant.dtype === 'string') constant.strings()
      else constant.values()
    }
    encodeModel(model)
    return 'model'
  } catch (cause) {
    if (cause instanceof PareError) return 'error'
    throw cause
  }
}

describe('broken bytes', () => {
  test('cut at every byte: an error, save between fields behind the graph and the operator set', () => {
    const whole = sample()
    let complete = 0
    for (let length = 0; length < whole.length; length++)
      if (readAll(whole.subarray(0, length)) === 'model') complete++
    // Before the metadata the message is whole as well.
    expect(complete).toBe(1)
    expect(readAll(whole)).toBe('model')
  })

  test('a cut file on disk is told by its place', () => {
    const file = path.join(folder, 'cut.onnx')
    const model = new Model()
    model.opsets.set('', 21)
    model.graph.initializers.set('w', Tensor.float32([4000], new Float32Array(4000)))
    const whole = encodeModel(model)
    fs.writeFileSync(file, whole.subarray(0, 9000))
    expect(() => readModel(file)).toThrow(expect.objectContaining({ code: 'model/truncated' }))
  })

  test('any change of any bytes: a model or an error', () => {
    const whole = sample()
    const change = fc.record({ at: fc.nat(whole.length - 1), to: fc.nat(255) })
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 4 }), (changes) => {
        const broken = whole.slice()
        for (const { at, to } of changes) broken[at] = to
        readAll(broken)
      }),
      { numRuns: 4000 },
    )
  })

  test('any bytes at all', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (source) => void readAll(source)),
      { numRuns: 2000 },
    )
  })

  test('graphs nested without end are refused before the stack is', () => {
    let graph: number[] = text(2, 'innermost')
    for (let depth = 0; depth < 200; depth++)
      graph = bytes(1, [
        ...text(4, 'If'),
        ...bytes(5, [...text(1, 'then_branch'), ...bytes(6, graph), ...int(20, 5)]),
      ])
    expect(() => decodeModel(envelope(graph))).toThrow(expect.objectContaining({ code: 'model/not-onnx' }))
  })

  test.each([
    ['text', 'This is not a model, only words.', 'text file'],
    ['Git LFS', 'version https://git-lfs.github.com/spec/v1\noid sha256:0\n', 'git lfs pull'],
    ['a web page', '<!DOCTYPE html><html></html>', 'web page'],
    ['a zip', 'PK\x03\x04rest of the archive', 'zip archive'],
    ['nothing', '', 'empty'],
  ])('%s is named for what it is', (_, content, word) => {
    const file = path.join(folder, 'wrong.onnx')
    fs.writeFileSync(file, content, 'latin1')
    const expected = expect.objectContaining({
      code: 'model/not-onnx',
      data: expect.objectContaining({ reason: expect.stringContaining(word) }),
    })
    expect(() => readModel(file)).toThrow(expected)
  })

  test('absent files and folders', () => {
    expect(() => readModel(path.join(folder, 'nowhere.onnx'))).toThrow(
      expect.objectContaining({ code: 'data/not-found' }),
    )
    expect(() => readModel(folder)).toThrow(expect.objectContaining({ code: 'model/not-onnx' }))
  })
})

/** A model whose one initializer [4] float32 lies at `location`. */
function withExternal(location: string, more: Record<string, string> = {}): string {
  const home = path.join(folder, 'home')
  fs.mkdirSync(path.join(home, 'below'), { recursive: true })
  const entries = Object.entries({ location, ...more }).flatMap(([key, value]) =>
    bytes(13, [...text(1, key), ...text(2, value)]),
  )
  const file = path.join(home, 'model.onnx')
  fs.writeFileSync(
    file,
    envelope([
      ...bytes(5, tensor('w', 1, [4], [...entries, ...int(14, 1)])),
      ...bytes(12, port('w', 1, [4])),
    ]),
  )
  return file
}

describe('external data', () => {
  const values = Float32Array.of(1, 2, 3, 4)
  const put = (...place: string[]): void =>
    fs.writeFileSync(path.join(folder, ...place), new Uint8Array(values.buffer))
  const read = (file: string): number[] => readModel(file).graph.initializers.get('w')!.numbers()

  test('beside the model and in folders below it', () => {
    for (const place of ['w.bin', 'below/w.bin']) {
      const file = withExternal(place)
      put('home', place)
      expect(read(file)).toEqual([1, 2, 3, 4])
    }
  })

  test('an offset is followed; what does not fit is refused', () => {
    fs.writeFileSync(
      path.join(folder, 'home', 'two.bin'),
      new Uint8Array([...new Uint8Array(16), ...new Uint8Array(values.buffer)]),
    )
    expect(read(withExternal('two.bin', { offset: '16', length: '16' }))).toEqual([1, 2, 3, 4])
    for (const [more, code] of [
      [{ offset: '17' }, 'model/truncated'],
      [{ offset: '-1' }, 'model/not-onnx'],
      [{ offset: 'NaN' }, 'model/not-onnx'],
      [{ length: '12' }, 'model/not-onnx'],
    ] as const)
      expect(() => readModel(withExternal('two.bin', more))).toThrow(expect.objectContaining({ code }))
  })

  test('what is missing is named', () => {
    expect(() => readModel(withExternal('gone.bin'))).toThrow(
      expect.objectContaining({ code: 'model/external-data-missing' }),
    )
    expect(() => readModel(withExternal(''))).toThrow(
      expect.objectContaining({ code: 'model/external-data-missing' }),
    )
  })

  test('no way out of the folder: absolute, dots, drive letters, links to files and folders', () => {
    const file = withExternal('w.bin')
    put('secret.bin')
    fs.symlinkSync(path.join(folder, 'secret.bin'), path.join(path.dirname(file), 'link.bin'))
    fs.symlinkSync(folder, path.join(path.dirname(file), 'door'))
    for (const location of [
      '../secret.bin',
      path.join(folder, 'secret.bin'),
      'below/../../secret.bin',
      'C:\\secret.bin',
      '\\\\host\\share',
      '.',
      '..',
      'link.bin',
      'door/secret.bin',
    ])
      expect(() => readModel(withExternal(location)), location).toThrow(
        expect.objectContaining({ code: 'model/external-data-escapes' }),
      )
  })

  test('written apart and read back; tensors shared by names are stored once', () => {
    const model = new Model()
    model.opsets.set('', 21)
    const big = Tensor.float32(
      [500],
      Float32Array.from({ length: 500 }, (_, i) => i),
    )
    model.graph.initializers.set('a', big)
    model.graph.initializers.set('b', big)
    model.graph.initializers.set('small', Tensor.float32([2], [1, 2]))
    const { files, bytes: size } = writeModel(model, path.join(folder, 'apart.onnx'), {
      externalData: 'always',
    })
    expect(files.map((file) => path.basename(file))).toEqual(['apart.onnx', 'apart.onnx.data'])
    expect(size).toBe(files.reduce((sum, file) => sum + fs.statSync(file).size, 0))
    expect(fs.statSync(files[1]!).size).toBe(2000)
    const back = readModel(files[0]!)
    expect(back.externalFiles).toEqual([files[1]])
    for (const name of ['a', 'b']) expect(back.graph.initializers.get(name)!.floats()).toEqual(big.floats())
    expect(back.graph.initializers.get('small')!.numbers()).toEqual([1, 2])
  })

  test('a file that changed since it was read is not read on', async () => {
    const model = new Model()
    model.opsets.set('', 21)
    model.graph.initializers.set('w', Tensor.float32([5000], new Float32Array(5000)))
    const { files } = writeModel(model, path.join(folder, 'changing.onnx'))
    const back = readModel(files[0]!)
    await new Promise((resolve) => setTimeout(resolve, 1100))
    fs.appendFileSync(files[0]!, 'x')
    expect(() => back.graph.initializers.get('w')!.values()).toThrow(
      expect.objectContaining({ code: 'model/changed-on-disk' }),
    )
  })
})

describe('writing', () => {
  test('nothing is left behind and the old file stays when a tensor cannot be computed', () => {
    const file = path.join(folder, 'kept.onnx')
    const model = new Model()
    model.opsets.set('', 21)
    writeModel(model, file)
    const before = fs.readFileSync(file)
    model.graph.initializers.set(
      'w',
      Tensor.lazy('float32', [4], () => new Uint8Array(12)),
    )
    expect(() => writeModel(model, file)).toThrow('tensor w takes 16 bytes and gave 12')
    expect(fs.readFileSync(file)).toEqual(before)
    expect(fs.readdirSync(folder).filter((name) => name.endsWith('.tmp'))).toEqual([])
  })

  test('a model above 2 GiB is planned apart without its weights being touched', () => {
    const model = new Model()
    model.opsets.set('', 21)
    const huge = Tensor.lazy('float32', [2 ** 30], () => {
      throw new Error('the weights were touched')
    })
    model.graph.initializers.set('w', huge)
    expect(() => encodeModel(model)).toThrow(/2 GiB/)
    expect(() => writeModel(model, path.join(folder, 'huge.onnx'))).toThrow('the weights were touched')
    expect(fs.existsSync(path.join(folder, 'huge.onnx'))).toBe(false)
  })

  test('no place to write is said', () => {
    const model = new Model()
    expect(() => writeModel(model, path.join(folder, 'no', 'such', 'm.onnx'))).toThrow(
      expect.objectContaining({ code: 'disk/failed' }),
    )
  })
})

describe('names and numbers that no program could use', () => {
  const identity = bytes(1, [...text(1, 'x'), ...text(2, 'y'), ...text(4, 'Identity')])

  test.each([
    ['an input', bytes(11, port('__proto__', 1, [1]))],
    ['an output', bytes(12, port('__proto__', 1, [1]))],
    ['a weight', bytes(5, tensor('__proto__', 1, [0], []))],
    ['a value between nodes', bytes(1, [...text(1, 'x'), ...text(2, '__proto__'), ...text(4, 'Neg')])],
  ])('%s called __proto__', (_, fields) => {
    expect(() => decodeModel(envelope([...identity, ...fields]))).toThrow(
      expect.objectContaining({ code: 'model/invalid' }),
    )
  })

  test('an operator set whose version is beyond all numbers', () => {
    const odd = bytes(8, [...text(1, 'nobody'), ...int(2, 9_000_000_000_000_000_001n)])
    expect(() => decodeModel(envelope(identity, odd))).toThrow(
      expect.objectContaining({ code: 'model/not-onnx' }),
    )
  })

  test('a length beyond all numbers says nothing', () => {
    const wide = bytes(1, [...int(1, 1), ...bytes(2, bytes(1, int(1, 2n ** 63n - 1n)))])
    const { graph } = decodeModel(envelope([...identity, ...bytes(11, [...text(1, 'x'), ...bytes(2, wide)])]))
    expect(graph.inputs[0]!.dims).toEqual([null])
  })

  test('maps of scores in a model with a circle', () => {
    const model = new Model()
    model.graph.outputs = [{ name: 'scores' }]
    model.graph.addNode({ opType: 'Neg', inputs: ['b'], outputs: ['a'] })
    model.graph.addNode({ opType: 'Neg', inputs: ['a'], outputs: ['b'] })
    model.graph.addNode({ opType: 'ZipMap', domain: 'ai.onnx.ml', inputs: ['a'], outputs: ['scores'] })
    expect([...scoreMaps(model.graph).classes.keys()]).toEqual(['scores'])
    expect(() => withScoreTables(model)).toThrow(expect.objectContaining({ code: 'model/invalid' }))
  })
})
