/** The registry of languages a bundle brings code for. */
import type { BundlePlan } from '../../../contract/project'
import type { Language, SnippetContext } from './context'
import { cpp } from './cpp'
import { javascript } from './javascript'
import { kotlin } from './kotlin'
import { python } from './python'
import { swift } from './swift'

export const LANGUAGES: readonly Language[] = [kotlin, swift, javascript, python, cpp]

export const snippetsFor = (context: SnippetContext): BundlePlan['snippets'] =>
  LANGUAGES.map(({ language, title, code }) => ({ language, title, code: code(context) }))

export { snippetContext, type SnippetContext } from './context'
