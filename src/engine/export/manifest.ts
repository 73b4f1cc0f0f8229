/** What a bundle says of itself. `docs/manifest.schema.json` is made of this. */
import { z } from 'zod'
import { Recipe } from '../../contract/recipe'

const hash = z.string().regex(/^[0-9a-f]{64}$/)

const Port = z
  .strictObject({
    name: z.string(),
    dtype: z.string(),
    dims: z.array(z.union([z.int(), z.string(), z.null()])).meta({
      description: 'A number, the name of a dynamic dimension, or null where nothing is said.',
    }),
    exampleDims: z.array(z.int()).meta({ description: 'Dimensions of one sample, as in golden/.' }),
    codes: z
      .strictObject({ scale: z.number(), zeroPoint: z.number() })
      .optional()
      .meta({ description: 'What its values stand for: number = (value − zeroPoint) · scale.' }),
  })
  .meta({ description: 'An input or output of the model.' })

const ModelFile = z.strictObject({
  file: z.string(),
  format: z.string().meta({ description: 'Id of the export form, as targets name it (docs/targets.md).' }),
  optimization: z.enum(['none', 'basic', 'extended']).meta({
    description: 'Level of ONNX Runtime’s graph optimizer already applied in the file.',
  }),
  data: z.string().optional().meta({ description: 'File of external weights that must lie beside it.' }),
  bytes: z.int(),
  sha256: hash,
})

const Measured = z.strictObject({
  metric: z.string(),
  value: z.number(),
  interval: z.array(z.number()).length(2).meta({ description: '95% interval.' }),
  samples: z.int(),
})

export const Manifest = z
  .strictObject({
    pare: z.literal(1).meta({ description: 'Version of this format.' }),
    name: z.string(),
    target: z.string(),
    task: z.string(),
    models: z.array(ModelFile),
    opset: z.int(),
    operatorSets: z.record(z.string(), z.int()),
    inputs: z.array(Port),
    outputs: z.array(Port),
    answer: z
      .strictObject({
        output: z.string(),
        classes: z.int().optional(),
        class: z
          .string()
          .optional()
          .meta({ description: 'The output that holds the position of the class.' }),
        label: z.string().optional().meta({ description: 'The output that holds the name of the class.' }),
        threshold: z.number().optional().meta({
          description:
            'Where each value is a yes or a no: a class holds above it, of two classes and one value the second; without class names something happens from it on.',
        }),
        text: z
          .strictObject({
            axis: z.union([z.literal(1), z.literal(2)]).meta({
              description:
                'Axis of the scores in an output of [samples, …]; the other one is that of the steps.',
            }),
            blank: z.int().meta({ description: 'Position of the score that stands for no character.' }),
          })
          .optional()
          .meta({
            description:
              'Where the answer is a text: the strongest score of every step, repeats once, without blanks; labels.txt has the character of each score.',
          }),
      })
      .meta({ description: 'The output that holds the answer; classes where it has one value a class.' }),
    session: z.strictObject({
      optimization: z.string(),
      config: z.record(z.string(), z.string()),
    }),
    preprocessing: z.string().optional(),
    labels: z.string().optional(),
    tokenizer: z.string().optional(),
    quality: Measured.optional(),
    originalQuality: Measured.optional(),
    downloadBytes: z.int().meta({ description: 'The model’s own entries, compressed in the zip.' }),
    recipe: Recipe.optional(),
    golden: z.array(
      z.strictObject({
        inputs: z.record(z.string(), z.string()),
        outputs: z.record(z.string(), z.string()),
        follows: z.boolean().optional().meta({
          description: 'Its states are what the model gave for the sample before: the next step of a clip.',
        }),
        raw: z.record(z.string(), z.string()).optional().meta({
          description:
            'Files of the sample before preprocessing: image, sound, text, row, or each array by its name.',
        }),
        label: z
          .union([z.string(), z.array(z.number())])
          .optional()
          .meta({ description: 'What is expected: a class of labels.txt, a text, or numbers.' }),
      }),
    ),
    tolerance: z
      .record(z.string(), z.number())
      .meta({ description: 'Largest absolute difference from golden/ by output.' }),
    files: z.array(z.strictObject({ name: z.string(), bytes: z.int(), sha256: hash })),
  })
  .meta({ id: 'pare-bundle', title: 'Pare bundle', description: 'manifest.json of an exported bundle.' })

export type Manifest = z.output<typeof Manifest>

/** JSON Schema (draft 2020-12) of manifest.json, as kept in docs/. */
export const manifestSchema = (): string => `${JSON.stringify(z.toJSONSchema(Manifest), null, 2)}\n`
