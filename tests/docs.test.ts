/**
 * Generated documents are in step with what they are generated from (`npm run docs` writes them anew), and what is
 * named in others is there.
 */
import fs from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { PARAMETER_GROUPS, type ParameterField, type PassDescription } from '../src/contract/passes'
import { Recipe } from '../src/contract/recipe'
import { ENCODINGS } from '../src/engine/layers/encodings'
import { describePasses } from '../src/engine/passes'
import { PORTFOLIO } from '../src/engine/passes/portfolio'
import { PRESETS } from '../src/engine/passes/presets'
import { stepsTold } from '../src/engine/passes/told'
import { POLICY_TABLE } from '../src/engine/search/policy'
import { suitePage } from '../suite/support/page'
import type { Baseline } from '../suite/support/summary'
import { TARGETS } from '../src/engine/targets'
import type { Target } from '../src/engine/targets/target'

const show = (value: unknown): string => (value === undefined ? '' : `\`${JSON.stringify(value)}\``)

function range(field: ParameterField): string {
  if (field.choices) return field.choices.map((choice) => `\`${choice}\``).join(', ')
  const { minimum, maximum } = field
  if (minimum === undefined && maximum === undefined) return field.kind
  return `${field.kind}, ${minimum ?? '−∞'} … ${maximum ?? '∞'}`
}

const list = (words: readonly string[]): string =>
  [words.slice(0, -1).join(', '), words.at(-1)].filter(Boolean).join(' or ')

const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ')

function parameterTable(fields: readonly ParameterField[]): string[] {
  const rows = fields.map((field) =>
    [`\`${field.name}\``, field.label, range(field), show(field.default), field.help].map(cell).join(' | '),
  )
  return rows.length > 0
    ? ['| parameter | | values | default | |', '|---|---|---|---|---|', ...rows.map((row) => `| ${row} |`)]
    : []
}

/** Settings that passes share, as the first of them declares them. */
const shared = (group: string): ParameterField[] => {
  const fields = describePasses().flatMap(({ parameters }) => parameters.filter((one) => one.group === group))
  return fields.filter(({ name }, at) => fields.findIndex((one) => one.name === name) === at)
}

/** What a pass takes of a group: what it has in common with the table, and where its defaults are others. */
function groupLine(pass: PassDescription, [group, title]: readonly [string, string]): string[] {
  const own = pass.parameters.filter((field) => field.group === group)
  if (own.length === 0) return []
  const all = shared(group)
  const names = (fields: readonly ParameterField[], text: (field: ParameterField) => string): string =>
    fields.map((field) => `\`${text(field)}\``).join(', ')
  const missing = all.filter(({ name }) => !own.some((field) => field.name === name))
  const usual = new Map(all.map((field) => [field.name, show(field.default)]))
  const other = own.filter((field) => usual.get(field.name) !== show(field.default))
  return [
    '',
    [
      `Takes the [${title.toLowerCase()} settings](#${title.toLowerCase()}-settings)`,
      missing.length > 0 && `without ${names(missing, ({ name }) => name)}`,
      other.length > 0 && `with ${names(other, ({ name, default: value }) => `${name}=${value}`)}`,
    ]
      .filter(Boolean)
      .join(', ') + '.',
  ]
}

function section(pass: PassDescription): string {
  const needs = pass.needs.length > 0 ? `Needs: ${pass.needs.join(', ')} data.` : 'Needs no data.'
  return [
    `## ${pass.id}`,
    '',
    `**${pass.title}** (${[pass.term, pass.family].filter(Boolean).join('; ')}). ${pass.summary} ${needs}`,
    '',
    `Role: ${pass.role}. ${pass.after.length > 0 ? `Comes after what ${list(pass.after)}. ` : ''}${pass.changes ? `Changes the ${pass.changes} of inputs and outputs.` : ''}`.trim(),
    '',
    ...parameterTable(pass.parameters.filter(({ group }) => !group)),
    ...Object.entries(PARAMETER_GROUPS).flatMap((group) => groupLine(pass, group)),
    '',
    `Sources: ${pass.sources.join('; ')}.`,
    '',
  ].join('\n')
}

const groupSection = ([group, title]: readonly [string, string]): string =>
  [
    `## ${title} settings`,
    '',
    'The same in every pass that takes them; written like any other parameter of the pass.',
    '',
    ...parameterTable(shared(group)),
    '',
  ].join('\n')

test('docs/passes.md', async () => {
  const intro =
    '# Passes\n\nGenerated from the declarations of the passes by `npm run docs`. On the command line: `--pass \'ID name=value …\'`; in a recipe: `{"pass": "ID", "params": {…}}`.\n'
  await expect(
    [intro, ...describePasses().map(section), ...Object.entries(PARAMETER_GROUPS).map(groupSection)].join(
      '\n',
    ),
  ).toMatchFileSnapshot('../docs/passes.md')
})

function targetSection({ id, aliases, title, detail, runtime, ...target }: Target): string {
  const { provider, device, int8, keepsPacked, fixedShapes, forms, optimization, sources } = target
  const facts = [
    `Runs on ${runtime}.`,
    int8.weightBits < 8
      ? `int8 weights use ${int8.weightBits} of their 8 bits, as ${int8.because}.`
      : 'int8 weights use all 8 bits.',
    int8.leaves?.message,
    keepsPacked
      ? 'Weights of few bits stay packed in memory.'
      : 'Weights of few bits are packed in the file and restored when the model is loaded, by plain operators.',
    fixedShapes && 'Input shapes should be fixed.',
    `A bundle holds ${forms.join(' and ')}; its code loads ${forms[0]}. The graph is optimized as far as “${optimization}”.`,
    provider &&
      `${provider.name} takes, with convolutions and pools of ${provider.spatial.join(' or ')} spatial dimensions: ${[...provider.operators].join(', ')}. ${provider.advice}`,
    device
      ? `Latency is an estimate: ${(device.macsPerSecond / 1e9).toFixed(1)} GMAC/s in float32, ${(device.bytesPerSecond / 1e9).toFixed(1)} GB/s, ${(device.overhead * 1e6).toFixed(0)} µs a node; against that float32 ${device.speed.float32.toFixed(2)}, float16 ${device.speed.float16.toFixed(2)}, int8 ${device.speed.int8.toFixed(2)}. From ${device.source}.`
      : 'Latency is measured on this machine.',
  ]
  return [
    `## ${id}`,
    '',
    `**${title}**: ${detail}.${aliases.length > 0 ? ` Also called ${aliases.map((alias) => `\`${alias}\``).join(', ')}.` : ''}`,
    '',
    ...facts.filter(Boolean).map((fact) => `- ${fact}`),
    '',
    `Sources: ${sources.join('; ')}.`,
    '',
  ].join('\n')
}

test('docs/targets.md', async () => {
  const intro =
    '# Targets\n\nGenerated from the declarations of the targets by `npm run docs`. On the command line: `--target ID`; in the window: “Runs on” in the Goal step. How latency is estimated: [search.md](search.md).\n'
  await expect([intro, ...TARGETS.map(targetSection)].join('\n')).toMatchFileSnapshot('../docs/targets.md')
})

test('docs/recipe.schema.json', async () => {
  const schema = JSON.stringify(z.toJSONSchema(Recipe, { io: 'input' }), null, 2)
  await expect(`${schema}\n`).toMatchFileSnapshot('../docs/recipe.schema.json')
})

test('docs/encodings.md', async () => {
  const intro =
    '# Encodings of weights\n\nGenerated from their declarations by `npm run docs`. A quantizer writes a layer in the first of those that hold its codes and suit the target.\n'
  const sections = ENCODINGS.map(
    ({ id, title, summary, sources, weights = [], tensors, operators = [], recognize }) => {
      const uses = [
        ...weights.map(({ words, storage }) => `Low-bit weights: ${words} (\`storage=${storage}\`).`),
        ...(tensors
          ? [`Packing: from operator set ${tensors.opset} on${tensors.exact ? ', exact' : ''}.`]
          : []),
        ...(operators.length > 0
          ? [`Operators that read it: ${operators.map(({ op }) => `\`${op}\``).join(', ')}.`]
          : []),
        ...(recognize ? ['Rows that are looked up in its codes count as one weight.'] : []),
      ]
      return [
        `## ${id}`,
        '',
        `**${title}.** ${summary}`,
        '',
        ...uses.map((use) => `- ${use}`),
        '',
        `Sources: ${sources.join('; ')}.`,
        '',
      ].join('\n')
    },
  )
  await expect([intro, ...sections].join('\n')).toMatchFileSnapshot('../docs/encodings.md')
})

test('docs/presets.md', async () => {
  const intro =
    '# Presets\n\nThe recipes that come with Pare, generated from them by `npm run docs`. On the command line: `--recipe ID`, and `pare presets` lists them; `pare presets ID --json` is where a recipe of your own may begin ([schema](recipe.schema.json); JSON, or the same in YAML). What passes and parameters do: [passes](passes.md).\n'
  const sections = PRESETS.map(({ id, name, description, cost, steps }) =>
    [
      `## ${id}`,
      '',
      `**${name}.** ${description} ${cost}`,
      '',
      ...steps.map(({ pass, params }, i) => {
        const given = Object.entries(params).map(([key, value]) => `${key}=${JSON.stringify(value)}`)
        return `${i + 1}. [\`${pass}\`](passes.md#${pass})${given.length > 0 ? ` with ${given.map((one) => `\`${one}\``).join(', ')}` : ''}`
      }),
      '',
    ].join('\n'),
  )
  await expect([intro, ...sections].join('\n')).toMatchFileSnapshot('../docs/presets.md')
})

test('docs/policy.md', async () => {
  const { fitted, ...lists } = PORTFOLIO
  const words = { quick: 'Quick ones', first: 'Then', learning: 'With learning' } as const
  const models = fitted.models.length > 0 ? `Fitted to ${fitted.models.join(', ')}` : 'Fitted to no model'
  const page = [
    '# What steers a search',
    '',
    'Generated by `npm run docs` from the two places that hold it. How a search goes by it: [search](search.md).',
    '',
    '## Recipes to begin with',
    '',
    `${models} (${fitted.date}); samples: ${fitted.samples}.`,
    '',
    ...(['quick', 'first', 'learning'] as const).flatMap((list) => [
      `${words[list]}:`,
      '',
      ...lists[list].map((steps, at) => `${at + 1}. ${stepsTold(steps)}`),
      '',
    ]),
    '## Numbers',
    '',
    '| name | value | what | from |',
    '| --- | --- | --- | --- |',
    ...Object.entries(POLICY_TABLE).map(
      ([name, { value, what, from }]) => `| \`${name}\` | ${value} | ${[what, from].map(cell).join(' | ')} |`,
    ),
    '',
  ]
  await expect(page.join('\n')).toMatchFileSnapshot('../docs/policy.md')
})

test('docs/suite.md', async () => {
  const stored = (kind: string): Baseline | undefined => {
    const file = path.resolve(import.meta.dirname, '../suite/baselines', `${kind}.json`)
    return fs.existsSync(file) ? (JSON.parse(fs.readFileSync(file, 'utf8')) as Baseline) : undefined
  }
  const page = suitePage({
    onnx: stored('onnx'),
    zoo: stored('zoo'),
    cases: stored('cases'),
    data: stored('data'),
  })
  await expect(page).toMatchFileSnapshot('../docs/suite.md')
})

test('files and folders that the docs name or link to are there', () => {
  const root = path.resolve(import.meta.dirname, '..')
  const pages = ['README.md', 'CONTRIBUTING.md'].concat(
    fs
      .readdirSync(path.join(root, 'docs'), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.md'))
      .map((name) => path.join('docs', name)),
  )
  const named = pages.flatMap((page) => {
    const text = fs.readFileSync(path.join(root, page), 'utf8')
    const links = [...text.matchAll(/\]\(([^)#:\s]+)\)/g)].map(([, to]) => path.join(path.dirname(page), to!))
    const paths = [...text.matchAll(/`((?:src|tests|docs|bench|attack|scripts)\/[\w./-]*)`/g)].map(
      ([, to]) => to!,
    )
    return [...links, ...paths].map((to) => [page, to] as const)
  })
  expect(named.length).toBeGreaterThan(100)
  expect(named.filter(([, to]) => !fs.existsSync(path.join(root, to)))).toEqual([])
})

test('README.md tells the figures that were measured', async () => {
  const read = (name: string): string =>
    fs.readFileSync(path.resolve(import.meta.dirname, '..', name), 'utf8')
  const cellsOf = (line: string): string[] =>
    line
      .split('|')
      .map((part) => part.trim())
      .slice(1, -1)
  const measured = read('docs/quantization.md')
    .split('\n')
    .filter((line) => line.startsWith('|'))
    .map(cellsOf)
  const { figures } = JSON.parse(read('suite/baselines/zoo.json')) as Baseline
  let told = 0
  /** What stands in a row behind its name; undefined where it is no row of figures. */
  function figuresOf([name = '', first = '']: string[]): (string | undefined)[] | undefined {
    const id = /\(`(\w+)`\)$/.exec(name)?.[1]
    // Behind the size a figure may say more.
    if (id)
      return ['search', 'preset safe', 'quantize-weights'].map(
        (run) => figures![`${id} · ${run}`]?.split(/[, ]/)[0],
      )
    if (!/^\w+$/.test(name) || !/^0\.\d{4}$/.test(first)) return undefined
    const rows = measured.filter(
      (row) =>
        row[0]!.split(' ')[0] === name &&
        row.length === 6 &&
        row.slice(1).every((cell) => /^[01]\.\d{4}$/.test(cell)),
    )
    // Of scores; the table of int8 stands before that of few bits.
    const [int8, bits] = [rows[0], rows.at(-1)]
    return [int8![1], int8![2], bits![2], bits![4]]
  }
  const lines = read('README.md')
    .split('\n')
    .map((line) => {
      const wanted = line.startsWith('|') ? figuresOf(cellsOf(line)) : undefined
      if (!wanted) return line
      told++
      const [head, name, ...cells] = line.split('|')
      const filled = cells.slice(0, -1).map((old, i) => ` ${wanted[i] ?? ''} `.padStart(old.length))
      return [head, name, ...filled, ''].join('|')
    })
  expect(told).toBeGreaterThan(8)
  await expect(lines.join('\n')).toMatchFileSnapshot('../README.md')
})
