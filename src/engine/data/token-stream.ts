/**
 * Files of token ids one after the other, uint16 or uint32 and nothing else, as nanoGPT and llm.c write their training
 * data: cut into samples as long as the model takes, each judged on the token after every one of its own.
 */
import fs from 'node:fs/promises'
import path from 'node:path'
import { PareError } from '../../contract/errors'
import { indexBound } from '../runtime/gather-bounds'
import { sourceOfArrays } from './array-source'
import { concatSources } from './concat'
import { rowDims } from './convert'
import type { Reader, ReaderContext } from './reader'
import type { Rows, Source } from './source'
import { textInputs } from './text'

/** Where the model leaves open how many tokens it takes. */
const DEFAULT_LENGTH = 128

/** Bytes that tell how wide a token is. */
const LOOK = 2 ** 16
/** llm.c begins a file with 256 numbers of 32 bits, of which this is the first. */
const LLM_C = { magic: 20240520, bytes: 1024 }

interface Stream {
  offset: number
  width: 2 | 4
  count: number
}

/** More tokens no model knows. */
const LARGEST_VOCABULARY = 2 ** 20

/** Numbers of 32 bits where all of them are tokens: two of 16 bits, read as one, are far larger. */
async function streamOf(file: string, vocabulary = LARGEST_VOCABULARY): Promise<Stream> {
  const handle = await fs.open(file)
  try {
    const { size } = await handle.stat()
    const start = Buffer.alloc(Math.min(LOOK, size))
    await handle.read(start, 0, start.length, 0)
    const offset = start.length >= LLM_C.bytes && start.readUInt32LE(0) === LLM_C.magic ? LLM_C.bytes : 0
    const whole = Array.from({ length: (start.length - offset) >> 2 }, (_, i) =>
      start.readUInt32LE(offset + 4 * i),
    )
    const wide = (size - offset) % 4 === 0 && whole.every((token) => token < vocabulary)
    const width = wide ? 4 : 2
    return { offset, width, count: Math.floor((size - offset) / width) }
  } finally {
    await handle.close()
  }
}

export const readTokens: Reader = async (place, context) => {
  const sources: Source[] = []
  for (const file of place.files) sources.push(await tokensOf(file, context))
  return [{ source: concatSources(sources) }]
}

/** Throws `data/shape-mismatch` where the model reads no tokens, `data/empty`. */
async function tokensOf(file: string, context: ReaderContext): Promise<Source> {
  const ids = textInputs(context.inputs)?.ids
  if (!ids)
    throw new PareError('data/shape-mismatch', {
      input: context.inputs.map(({ name }) => name).join(', '),
      expected: 'other samples',
      got: 'token ids',
    })
  const vocabulary = indexBound(context.model.graph, ids.name)
  const stream = await streamOf(file, vocabulary)
  const [declared] = rowDims(ids)
  const length =
    typeof declared === 'number' && declared > 0
      ? declared
      : (context.options.window?.length ?? DEFAULT_LENGTH)
  const stride = context.options.window?.stride ?? length
  const samples = Math.floor((stream.count - length) / stride) + 1
  if (samples < 1) throw new PareError('data/empty', { path: file })
  const array = {
    name: ids.name,
    length: samples,
    dims: [length],
    dtype: 'int64' as const,
    looksLikeBytes: false,
    open: async () => streamRows(file, stream, { samples, length, stride, vocabulary }),
  }
  const notes = [
    `${path.basename(file)} is read as ${stream.count.toLocaleString('en')} tokens of ${8 * stream.width} bits, ${length} a sample.`,
  ]
  return sourceOfArrays([array, ...fills(context, ids.name, array)], file, context, {
    labels: undefined,
    notes,
  })
}

/** Nothing is padded: a mask is ones, tokens are of the first type, positions count from 0. */
function fills(
  { inputs }: ReaderContext,
  ids: string,
  { length, dims }: { length: number; dims: readonly number[] },
): Parameters<typeof sourceOfArrays>[0][number][] {
  const others = inputs.filter(({ name, state }) => name !== ids && state === undefined)
  return others.map(({ name }) => ({
    name,
    length,
    dims,
    dtype: 'int64',
    looksLikeBytes: false,
    open: async (): Promise<Rows> => ({
      length,
      dims,
      dtype: 'int64',
      async read(indices) {
        const of = (i: number): number => (/position/i.test(name) ? i % dims[0]! : Number(/mask/i.test(name)))
        const data = BigInt64Array.from({ length: indices.length * dims[0]! }, (_, i) => BigInt(of(i)))
        return { dtype: 'int64', dims: [indices.length, ...dims], data }
      },
      close: async () => {},
    }),
  }))
}

interface Windows {
  samples: number
  length: number
  stride: number
  vocabulary: number | undefined
}

async function streamRows(
  file: string,
  { offset, width }: Stream,
  { samples, length, stride, vocabulary = Infinity }: Windows,
): Promise<Rows> {
  const handle = await fs.open(file)
  return {
    length: samples,
    dims: [length],
    dtype: 'int64',
    async read(indices) {
      const data = new BigInt64Array(indices.length * length)
      const bytes = Buffer.alloc(length * width)
      for (const [row, index] of indices.entries()) {
        await handle.read(bytes, 0, bytes.length, offset + index * stride * width)
        for (let t = 0; t < length; t++) {
          const token = width === 2 ? bytes.readUInt16LE(2 * t) : bytes.readUInt32LE(4 * t)
          if (token >= vocabulary)
            throw new PareError('data/unreadable', {
              path: file,
              reason: `token ${index * stride + t} is ${token}, and the model knows ${vocabulary}`,
            })
          data[row * length + t] = BigInt(token)
        }
      }
      return { dtype: 'int64', dims: [indices.length, length], data }
    },
    close: () => handle.close(),
  }
}
