/** `--pass 'ID key=value …'` as a step of a recipe. */
import type { ParameterField, PassDescription } from '../contract/passes'
import type { RecipeStep } from '../contract/recipe'
import { PareError } from '../contract/errors'

/** Words, with '…' and "…" kept together. */
const WORD = /(?:[^\s"']+|"[^"]*"|'[^']*')+/g

const unquoted = (text: string): string => text.replace(/"([^"]*)"|'([^']*)'/g, '$1$2')

/** Throws `pass/unknown` and `pass/bad-parameter`. Ranges are checked by the pass itself. */
export function parsePassOption(text: string, passes: readonly PassDescription[]): RecipeStep {
  const [id = '', ...settings] = text.match(WORD) ?? []
  const pass = passes.find((one) => one.id === id)
  if (!pass) throw new PareError('pass/unknown', { pass: id, known: passes.map((one) => one.id) })
  const params = settings.map((setting): [string, unknown] => {
    const at = setting.indexOf('=')
    const name = at < 0 ? setting : setting.slice(0, at)
    const field = pass.parameters.find((one) => one.name === name)
    const wrong = (reason: string): PareError =>
      new PareError('pass/bad-parameter', { pass: id, parameter: name, reason })
    if (!field) throw wrong(`it has ${pass.parameters.map((one) => one.name).join(', ') || 'no parameters'}`)
    if (at < 0) throw wrong('write it as name=value')
    return [name, valueOf(field, unquoted(setting.slice(at + 1)), wrong)]
  })
  return { pass: id, params: Object.fromEntries(params) }
}

function valueOf({ kind }: ParameterField, text: string, wrong: (reason: string) => PareError): unknown {
  if (kind === 'number' || kind === 'integer') {
    const value = Number(text)
    if (text.trim() === '' || Number.isNaN(value)) throw wrong(`“${text}” is not a number`)
    return value
  }
  if (kind === 'boolean') {
    if (text !== 'true' && text !== 'false') throw wrong('write true or false')
    return text === 'true'
  }
  if (kind !== 'list') return text
  if (!text.startsWith('[')) return text === '' ? [] : text.split(',').map((item) => item.trim())
  try {
    return JSON.parse(text)
  } catch {
    throw wrong('it is not a JSON list')
  }
}
