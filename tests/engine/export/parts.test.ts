import { describe, expect, it } from 'vitest'
import { encodeNpy } from '../../../src/engine/data/encode-npy'
import { operatorsConfig } from '../../../src/engine/export/operators'
import { withoutPlaces } from '../../../src/engine/export/privacy'
import { LANGUAGES } from '../../../src/engine/export/snippets'
import type { Preprocessing } from '../../../src/contract/dataset'
import type { SnippetContext } from '../../../src/engine/export/snippets/context'
import { checkTarget } from '../../../src/engine/export/checks'
import { Node, readModel } from '../../../src/engine/onnx'
import { parseNpyHeader } from '../../../src/engine/data/npy'
import { traceShapes } from '../../../src/engine/runtime'
import { hasReference, reference } from '../../reference'
import { floats, ints, wires } from '../evaluate/support'
import { findTarget } from '../../../src/engine/targets'

describe('encodeNpy', () => {
  it.each([
    [floats([2, 3], [1, 2, 3, 4, 5, 6]), 'float32', [2, 3]],
    [ints([4], [1, 2, 3, 4]), 'int64', [4]],
    [floats([], [1]), 'float32', []],
  ])('is read back as it was written', (value, dtype, shape) => {
    const bytes = encodeNpy(value)
    const header = parseNpyHeader(bytes, 'test')
    expect(header).toMatchObject({ dtype, shape, fortranOrder: false, bigEndian: false })
    expect(header.dataOffset % 64).toBe(0)
    const data = value.data as Float32Array
    expect(bytes.subarray(header.dataOffset)).toEqual(
      Buffer.from(data.buffer, data.byteOffset, data.byteLength),
    )
  })
})

it('names files without their folders in plain data', () => {
  const said = {
    note: 'read /home/ann/a b/net.onnx, then C:\\models\\x.onnx',
    list: ['/tmp/run/3/y.npz', 'conv/1'],
    n: 3,
  }
  expect(withoutPlaces(said)).toEqual({
    note: 'read a b/net.onnx, then x.onnx',
    list: ['y.npz', 'conv/1'],
    n: 3,
  })
  expect(withoutPlaces({ layer: '/encoder/layer.0/MatMul' })).toEqual({ layer: '/encoder/layer.0/MatMul' })
})

it('writes operators in the form of a reduced build', () => {
  const model = wires({ x: { dims: [1, 2], op: 'Relu' }, y: { dims: [1, 2], op: 'Abs' } })
  model.opsets.set('com.microsoft', 1)
  model.graph.nodes.push(new Node({ opType: 'Gelu', domain: 'com.microsoft', inputs: ['x'], outputs: ['z'] }))
  const lines = operatorsConfig(model, undefined).split('\n')
  expect(lines.filter((line) => line && !line.startsWith('#'))).toEqual([
    'ai.onnx;18;Abs,Relu',
    'com.microsoft;1;Gelu',
  ])
})

describe.runIf(hasReference)('checkTarget', () => {
  const check = async (target: string, ...file: string[]): Promise<string[]> => {
    const model = readModel(reference(...file))
    return checkTarget(model, findTarget(target), await traceShapes(model)).map(
      ({ ok, message }) => `${ok ? '+' : '-'} ${message}`,
    )
  }

  it('counts what XNNPACK takes of LeNet-5, quantized or not', async () => {
    const float = (await check('android-cpu', 'models', 'lenet5.onnx')).join('\n')
    // Conv, MaxPool, Conv, MaxPool | Reshape | Gemm | Relu | Gemm
    expect(float).toMatch(/XNNPACK takes 75% of the 8 operators in 3 parts\. Left to the CPU: Reshape, Relu/)
    const int8 = (await check('android-cpu', 'peer', 'lenet5.static_minmax_pc.onnx')).join('\n')
    expect(int8).toMatch(/Left to the CPU: .*Gemm/)
  })

  it('warns of free shapes, one-dimensional convolutions and integers where they matter', async () => {
    expect((await check('android-npu', 'models', 'cnn1d.onnx')).join('\n')).toMatch(/Left to the CPU:.*Conv/)
    const ios = (await check('ios', 'peer', 'cnn1d.static_minmax_pc.onnx')).join('\n')
    expect(ios).toMatch(/- CoreML has no integer operators/)
    expect(ios).toMatch(/- CoreML wants fixed shapes.*batch/)
    expect((await check('any', 'models', 'lenet5.onnx')).join()).toBe(
      '+ Opset 18: runs from ONNX Runtime 1.14 on.',
    )
  })
})

describe('snippets', () => {
  const preprocessing: Extract<Preprocessing, { kind: 'image' }> = {
    kind: 'image',
    width: 32,
    height: 32,
    channels: 3,
    resize: 'shortest-side-then-crop',
    cropRatio: 1.14,
    order: 'bgr',
    layout: 'nchw',
    scale: 1 / 255,
    mean: [0.485, 0.456, 0.406],
    std: [0.229, 0.224, 0.225],
    invert: false,
  }
  const image: SnippetContext = {
    file: 'model.ort',
    inputs: [{ name: 'in"put$1', variable: 'inPut1', dtype: 'float32', dims: [1, 3, 32, 32] }],
    answer: { name: 'logits', variable: 'logits', dtype: 'float32', dims: [1, 10] },
    classes: true,
    preprocessing,
    form: {
      ...preprocessing,
      inputs: [{ name: 'in"put$1', dtype: 'float32', dims: [3, 32, 32], from: { kind: 'image' } }],
    },
  }

  it('carry names, shapes and preprocessing, quoted for their language', () => {
    const code = Object.fromEntries(LANGUAGES.map((one) => [one.language, one.code(image)]))
    for (const text of Object.values(code)) expect(text).toContain('ORT_DISABLE_TELEMETRY')
    expect(code.kotlin).toContain('"in\\"put\\$1" to OnnxTensor')
    expect(code.kotlin).toContain('floatArrayOf(0.485f, 0.456f, 0.406f)')
    expect(code.swift).toContain('"in\\"put$1": try Self.value(inPut1, .float, [1, 3, 32, 32])')
    expect(code.javascript).toContain('new Tensor("float32", inPut1, [1, 3, 32, 32])')
    expect(code.python).toContain('pixels = pixels[..., [2, 1, 0, 3]')
    expect(code.cpp).toContain('inPut1, 3072, inPut1Shape, 4')
    for (const text of Object.values(code)) expect(text).not.toMatch(/undefined|NaN|\[object/)
  })

  it('put stored numbers in order and scale them, as preprocessing.json says', () => {
    const scaled: SnippetContext = {
      ...image,
      inputs: [{ name: 'x', variable: 'x', dtype: 'float32', dims: [1, 3, 2, 2] }],
      preprocessing: undefined,
      form: {
        kind: 'array',
        scale: 0.5,
        mean: [1, 2, 3],
        std: [4, 5, 6],
        columns: {},
        inputs: [
          {
            name: 'x',
            dtype: 'float32',
            dims: [3, 2, 2],
            from: { kind: 'array', array: 'x', dims: [2, 2, 3] },
            transpose: [2, 0, 1],
            reversed: 0,
            affine: { scale: 0.5, mean: [1, 2, 3], std: [4, 5, 6], inner: 4 },
          },
        ],
      },
    }
    const code = Object.fromEntries(LANGUAGES.map((one) => [one.language, one.code(scaled)]))
    for (const text of [code.kotlin, code.swift, code.javascript, code.cpp])
      expect(text).toContain('prepareX(')
    const script = code.javascript!.match(/export function prepareX[^]*?\n}/)![0]
    const plain = script.replace('export ', '').replace(/: ArrayLike<number>|: Float32Array|!/g, '')
    const prepare = new Function(`${plain}; return prepareX`)() as (raw: number[]) => Float32Array
    const raw = Array.from({ length: 12 }, (_, i) => i)
    // Channel k of pixel p lies at 3p + k; the channels are taken the other way round.
    const expected = [0, 1, 2].flatMap((k) =>
      [0, 1, 2, 3].map((p) => Math.fround(((3 * p + 2 - k) * 0.5 - (k + 1)) / (k + 4))),
    )
    expect([...prepare(raw)]).toEqual(expected)
  })

  it('feed several inputs of several types', () => {
    const text: SnippetContext = {
      ...image,
      inputs: ['input_ids', 'attention_mask'].map((name) => ({
        name,
        variable: name.replace(/_(.)/, (_, c: string) => c.toUpperCase()),
        dtype: 'int64',
        dims: [1, 64],
      })),
      preprocessing: { kind: 'text', maxLength: 64, padId: 0 },
      form: undefined,
    }
    const code = Object.fromEntries(LANGUAGES.map((one) => [one.language, one.code(text)]))
    expect(code.kotlin).toContain('fun run(inputIds: LongArray, attentionMask: LongArray)')
    expect(code.swift).toContain('inputIds: [Int64], attentionMask: [Int64]')
    expect(code.javascript).toContain('inputIds: BigInt64Array')
    expect(code.python).toContain('np.asarray(inputIds, dtype=np.int64).reshape(1, 64)')
    expect(code.cpp).toContain('int64_t* inputIds, int64_t* attentionMask')
    expect(code.kotlin).not.toContain('prepare(')
  })
})
