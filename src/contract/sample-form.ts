/** How one raw sample becomes the inputs of a model, whole: preprocessing.json of a bundle. */
import { z } from 'zod'
import { ArrayPreprocessing, AudioPreprocessing, ImagePreprocessing, TextPreprocessing } from './dataset'

/** Where the numbers of an input come from. */
const Origin = z.discriminatedUnion('kind', [
  z
    .strictObject({ kind: z.literal('image') })
    .meta({ description: 'The picture, as the fields beside inputs say.' }),
  z.strictObject({
    kind: z.literal('sound'),
    channelsLast: z.boolean(),
  }),
  z.strictObject({ kind: z.literal('columns'), columns: z.array(z.string()) }).meta({
    description: 'These columns of the row, in this order.',
  }),
  z.strictObject({ kind: z.literal('array'), array: z.string(), dims: z.array(z.int()) }).meta({
    description: 'The array of this name; dims are those of one stored sample.',
  }),
  z.strictObject({ kind: z.enum(['token-ids', 'token-mask', 'token-types', 'token-positions']) }),
  z.strictObject({ kind: z.literal('constant'), value: z.number() }),
])

/** value = (raw · scale − mean[k]) / std[k] for element i of the sample, k = floor(i / inner) mod the length of mean. */
const Affine = z
  .strictObject({
    scale: z.number(),
    mean: z.array(z.number()).min(1),
    std: z.array(z.number()).min(1),
    inner: z.int().positive(),
  })
  .meta({
    description:
      'value = (raw · scale − mean[k]) / std[k] for element i of the sample, where k is floor(i / inner) modulo the length of mean.',
  })

export const SampleInput = z.strictObject({
  name: z.string(),
  dtype: z.string(),
  dims: z.array(z.int()).meta({ description: 'Of one sample, without the axis that counts samples.' }),
  from: Origin,
  stored: z.array(z.int()).optional().meta({ description: 'Shape that the numbers are taken in first.' }),
  transpose: z
    .array(z.int())
    .optional()
    .meta({ description: 'Order of the stored axes, as NumPy’s transpose takes it.' }),
  reversed: z
    .int()
    .optional()
    .meta({ description: 'After that: the axis whose first three are taken the other way round.' }),
  affine: Affine.optional(),
})
export type SampleInput = z.output<typeof SampleInput>

const ids = z.array(z.int())

/** What two texts that are read together need besides. */
const TokenPair = z.strictObject({
  between: ids.meta({ description: 'Ids between the two texts.' }),
  types: z
    .strictObject({ prefix: ids, first: z.int(), between: ids, second: z.int(), suffix: ids })
    .meta({ description: 'Which segment (token type) each id counts to: one number for all ids of a text.' }),
  cut: z.enum(['longest', 'first', 'second']).meta({
    description:
      'Which text gives way where both are too long. longest: the shorter keeps up to half of the room, the longer has the rest.',
  }),
})
export type TokenPair = z.output<typeof TokenPair>

/** What texts need besides tokenizer.json. */
const Tokens = z.strictObject({
  prefix: ids.meta({ description: 'Ids before the text.' }),
  suffix: ids.meta({ description: 'Ids after the text.' }),
  padLeft: z.boolean(),
  cutLeft: z.boolean(),
  pair: TokenPair.optional(),
})
export type Tokens = z.output<typeof Tokens>

const inputs = z.array(SampleInput)

export const SampleForm = z
  .discriminatedUnion('kind', [
    ImagePreprocessing.extend({ inputs }),
    ArrayPreprocessing.extend({ inputs }),
    TextPreprocessing.extend({ inputs, tokens: Tokens }),
    AudioPreprocessing.extend({ inputs }),
  ])
  .meta({
    id: 'pare-preprocessing',
    title: 'Pare preprocessing',
    description:
      'preprocessing.json of an exported bundle: how one raw sample becomes the inputs of the model.',
  })
export type SampleForm = z.output<typeof SampleForm>
