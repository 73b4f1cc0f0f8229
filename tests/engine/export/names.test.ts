import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import { createRequire } from 'node:module'
import os from 'node:os'
import path from 'node:path'
import fc from 'fast-check'
import ts from 'typescript'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Language as Grammar, Parser } from 'web-tree-sitter'
import { labelLines } from '../../../src/engine/export/companions'
import { codeSpan, fenced, plain } from '../../../src/engine/export/markdown'
import { LANGUAGES } from '../../../src/engine/export/snippets'
import type { SnippetContext } from '../../../src/engine/export/snippets/context'
import { identifiers } from '../../../src/engine/export/snippets/identifiers'
import { javascriptString, pythonString } from '../../../src/engine/export/snippets/literals'

const NASTY = [
  ...[
    '',
    ' ',
    '7',
    '1st',
    'x'.repeat(300),
    'a.b',
    'a-b',
    'aB',
    'x',
    'xShape',
    'x_shape',
    'été',
    '输入',
    '😀',
  ],
  ...[
    'class',
    'return',
    'import',
    'def',
    'in',
    'is',
    'fun',
    'val',
    'func',
    'inout',
    'self',
    'await',
    'template',
  ],
  ...[
    'session',
    'np',
    'ort',
    'os',
    'env',
    'environment',
    'feeds',
    'out',
    'data',
    'memory',
    'it',
    'undefined',
  ],
  ...[
    '"',
    "'",
    '\\',
    '\\"',
    '$name',
    '${1 + 1}',
    '\\(1)',
    '"""',
    "'''",
    '```',
    '`',
    '\n',
    '\r\n',
    '\0',
    '\u0085',
  ],
  ...[
    '\u202e',
    '\u2028',
    '\u2066a\u2069',
    '\ufeff',
    '\ud800',
    '\u{e0001}',
    '??/',
    '*/',
    '//',
    '#{x}',
    '__proto__',
  ],
]
const anyName = fc.oneof(fc.constantFrom(...NASTY), fc.string({ unit: 'binary', maxLength: 30 }))
const DTYPES = ['float32', 'int64', 'uint8', 'bool', 'float16', 'string', 'not a tensor']

/** Distinct names, as a model's inputs have. */
const anyContext: fc.Arbitrary<SnippetContext> = fc
  .tuple(
    fc.uniqueArray(fc.tuple(anyName, fc.constantFrom(...DTYPES), fc.array(fc.nat(9), { maxLength: 4 })), {
      minLength: 1,
      maxLength: 4,
      selector: ([name]) => name,
    }),
    anyName,
    fc.option(anyName, { nil: undefined }),
    fc.constantFrom<Partial<SnippetContext>>(
      { classes: true },
      { classes: true, labels: true },
      { labels: true, several: true, threshold: 0.5 },
      { labels: true, threshold: 0 },
      { threshold: 0.5 },
    ),
  )
  .map(([inputs, answer, label, decided]) => {
    const identifier = identifiers()
    const port = (name: string, dtype: string, dims: number[]): SnippetContext['answer'] => ({
      name,
      variable: identifier(name),
      dtype,
      dims,
    })
    return {
      file: 'model.onnx',
      inputs: inputs.map(([name, dtype, dims]) => port(name, dtype, dims)),
      answer: port(answer, 'float32', [1, 2]),
      classes: false,
      ...decided,
      ...(label !== undefined && { label, labels: true }),
    }
  })

/** Always with every nasty name, four at a time, then with generated ones. */
const everyNasty = Array.from({ length: Math.ceil(NASTY.length / 4) }, (_, i): SnippetContext => {
  const identifier = identifiers()
  const inputs = NASTY.slice(4 * i, 4 * i + 4).map((name) => ({
    name,
    variable: identifier(name),
    dtype: 'float32',
    dims: [1, 2],
  }))
  return { file: 'model.onnx', inputs, answer: inputs[0]!, classes: true }
})
const contexts = (count: number): SnippetContext[] => [
  ...everyNasty,
  ...fc.sample(anyContext, { numRuns: count, seed: 14 }),
]
const codeIn = (language: string, context: SnippetContext): string =>
  LANGUAGES.find((one) => one.language === language)!.code(context)

let folder = ''
beforeAll(() => void (folder = fs.mkdtempSync(path.join(os.tmpdir(), 'pare-names-'))))
afterAll(() => fs.rmSync(folder, { recursive: true, force: true }))

const has = (tool: string): boolean => spawnSync(tool, ['--version']).status === 0

describe('identifiers', () => {
  it('are safe and unique whatever the names', () => {
    fc.assert(
      fc.property(fc.array(anyName, { maxLength: 12 }), (names) => {
        const made = names.map(identifiers())
        expect(new Set(made.flatMap((one) => [one, `${one}Shape`])).size).toBe(2 * names.length)
        for (const one of made) expect(one).toMatch(/^[a-z][A-Za-z0-9]{0,60}$/)
      }),
    )
  })
})

describe('code for any names', () => {
  it.runIf(has('python3'))(
    'compiles as Python, with the true names (left out where there is no python3)',
    () => {
      const all = contexts(100).map((context) => ({
        code: codeIn('python', context),
        names: context.inputs.map(({ name }) => name.replaceAll(/\p{Cs}/gu, '\ufffd')),
      }))
      const file = path.join(folder, 'all.json')
      fs.writeFileSync(file, JSON.stringify(all))
      const check = `import ast, json, sys
for one in json.load(open(sys.argv[1], encoding="utf-8")):
    tree = ast.parse(one["code"])
    compile(one["code"], "snippet", "exec")
    feeds = next(n for n in ast.walk(tree) if isinstance(n, ast.Dict))
    assert [k.value for k in feeds.keys] == one["names"], one["names"]
`
      const { status, stderr } = spawnSync('python3', ['-c', check, file], { encoding: 'utf8' })
      expect(stderr).toBe('')
      expect(status).toBe(0)
    },
  )

  it('compiles as TypeScript', () => {
    for (const context of contexts(100)) {
      const { diagnostics } = ts.transpileModule(codeIn('javascript', context), {
        reportDiagnostics: true,
        compilerOptions: { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 },
      })
      expect(diagnostics!.map(({ messageText }) => messageText)).toEqual([])
    }
  })

  it.runIf(has('g++'))('compiles as C++ (left out where there is no g++)', () => {
    // Once for all: each in its own namespace, against declarations of what the code uses of ONNX Runtime.
    const includes = /^#include.*$/gm
    const parts = contexts(60).map(
      (context, i) => `namespace n${i} {\n${codeIn('cpp', context).replaceAll(includes, '')}\n}`,
    )
    const header =
      '#include <onnxruntime_cxx_api.h>\n#include <algorithm>\n#include <cstdlib>\n#include <fstream>\n#include <string>\n#include <utility>\n#include <vector>\n'
    const file = path.join(folder, 'all.cpp')
    fs.writeFileSync(file, header + parts.join('\n'))
    const stub = path.resolve(import.meta.dirname, '../../fixtures/onnxruntime')
    const options = ['-std=c++17', '-fsyntax-only', '-Wall', '-Werror', '-Wno-unused', `-I${stub}`, file]
    const { status, stderr } = spawnSync('g++', options, { encoding: 'utf8' })
    expect(stderr).toBe('')
    expect(status).toBe(0)
  })

  it.each(['kotlin', 'swift'])('parses as %s without an error node', async (language) => {
    await Parser.init()
    const grammar = createRequire(import.meta.url).resolve(
      `tree-sitter-wasms/out/tree-sitter-${language}.wasm`,
    )
    const parser = new Parser()
    parser.setLanguage(await Grammar.load(grammar))
    const faulty = (code: string): boolean => {
      const tree = parser.parse(code)!
      const { hasError } = tree.rootNode
      tree.delete()
      return hasError
    }
    expect(faulty('fun class (')).toBe(true)
    for (const context of contexts(60)) {
      const code = codeIn(language, context)
      expect(faulty(code), code).toBe(false)
    }
    parser.delete()
  })
})

describe('literals', () => {
  it('mean the name, and show what would be hidden', () => {
    fc.assert(
      fc.property(anyName, (name) => {
        const text = name.replaceAll(/\p{Cs}/gu, '\ufffd')
        expect(JSON.parse(javascriptString(name))).toBe(text)
        expect(pythonString(name)).not.toMatch(/[\p{C}\p{Zl}\p{Zp}]/u)
      }),
    )
  })
})

describe('names in Markdown and files', () => {
  it('cannot end a code span or a block', () => {
    expect(codeSpan('a`b')).toBe('``a`b``')
    expect(codeSpan('```')).toBe('```` ``` ````')
    expect(codeSpan('a\nb\u202e')).toBe('`a\\u{a}b\\u{202e}`')
    expect(fenced('py', 'x = "```"')).toBe('````py\nx = "```"\n````')
  })

  it('are no markup', () => {
    expect(plain('<script>[a](b)*_x_\n# y')).toBe('\\<script\\>\\[a\\](b)\\*\\_x\\_ \\# y')
    expect(plain('cnn1d_bn_legacy')).toBe('cnn1d_bn_legacy')
  })

  it('take one line each among labels', () => {
    fc.assert(
      fc.property(fc.array(anyName), (names) => {
        const text = labelLines(names)
        // Whatever a reader takes for the end of a line.
        // eslint-disable-next-line no-control-regex
        expect(text.split(/\r\n|[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]/)).toHaveLength(names.length + 1)
      }),
    )
  })
})
