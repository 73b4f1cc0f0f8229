import type { ModelInspection } from '../../contract/model'
import { examples, modelFile, targetOption, withEngineOptions, type AddCommand } from '../command'
import { bytes, checkLine, count, number, print, table } from '../output'
import { printDocument } from '../document'

const LAYERS_SHOWN = 12

function describe(model: ModelInspection): string {
  const port = ({ name, dtype, dims }: ModelInspection['inputs'][number]): string =>
    `${name}: ${dtype} [${dims.map((dim) => dim ?? '?').join(', ')}]`
  const facts = table(
    [
      ['file', model.path],
      ['size', bytes(model.bytes)],
      ['parameters', count(model.parameters)],
      ['multiply-adds', count(model.macs)],
      ['nodes', number(model.nodes)],
      [
        'opset',
        Object.entries(model.opsets)
          .map(([domain, version]) => `${domain || 'ai.onnx'} ${version}`)
          .join(', '),
      ],
      ['producer', model.producer],
      ['inputs', model.inputs.map(port).join('; ')],
      ['outputs', model.outputs.map(port).join('; ')],
    ],
    'left',
  )
  const heavy = model.layers.toSorted((a, b) => b.bytes - a.bytes).slice(0, LAYERS_SHOWN)
  const layers = table([
    ['layer', 'operator', 'parameters', 'bytes', 'multiply-adds', 'type'],
    ...heavy.map((one) => [
      one.layer,
      one.op,
      count(one.parameters),
      bytes(one.bytes),
      count(one.macs),
      one.dtype,
    ]),
  ])
  const operators = table([
    ['operator', 'nodes', 'parameters', 'multiply-adds'],
    ...model.operators.map((one) => [one.op, String(one.count), count(one.parameters), count(one.macs)]),
  ])
  const rest = model.layers.length - heavy.length
  const issues = model.issues.map(({ severity, message }) => `${severity}: ${message}`)
  return [
    facts,
    `Where the weight sits:\n${layers}${rest > 0 ? `\n… and ${rest} more layers` : ''}`,
    `Operators:\n${operators}`,
    ...(issues.length > 0 ? [`What to know:\n${issues.map((line) => `- ${line}`).join('\n')}`] : []),
  ].join('\n\n')
}

export const addInspect: AddCommand = (program, { session }) => {
  const command = program
    .command('inspect')
    .description(
      'what a model is: size, parameters, operators, where the weight sits, what stands in the way',
    )
    .argument('<model>', 'an ONNX file, or a folder that compressing wrote', modelFile)
    .addOption(targetOption())
  withEngineOptions(command)
    .addHelpText(
      'after',
      examples(
        'pare inspect model.onnx',
        'pare inspect model.onnx --target android-npu',
        'pare inspect model.onnx --json',
      ),
    )
    .action(async (model: string, { json, target }: { json?: boolean; target?: string }) => {
      const inspection = await session.run('inspect', { model, target }, 'reading the model')
      if (json) await printDocument(session, 'inspection', inspection)
      else {
        print(describe(inspection))
        for (const check of inspection.checks ?? []) print(checkLine(check))
      }
    })
}
