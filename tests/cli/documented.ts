/** Commands as the docs show them. */
import fs from 'node:fs'
import path from 'node:path'

export const root = path.resolve(import.meta.dirname, '../..')

/** What the site's reference of the library is generated into has no commands. */
export const DOCS = fs
  .readdirSync(path.join(root, 'docs'), { recursive: true, encoding: 'utf8' })
  .map((name) => `docs/${name.replaceAll(path.sep, '/')}`)
  .filter((name) => name.endsWith('.md') && !name.startsWith('docs/reference/'))

export const textOf = (page: string): string => fs.readFileSync(path.join(root, page), 'utf8')

/** Lines of fenced blocks; what a backslash continues is one. */
export const shellLines = (text: string, language = 'sh|bash'): string[] =>
  [...text.matchAll(new RegExp(`\`\`\`(?:${language})\n([\\s\\S]*?)\`\`\``, 'g'))].flatMap(([, block]) =>
    block!
      .replaceAll('\\\n', ' ')
      .split('\n')
      .filter((line) => line.trim() !== ''),
  )

const LINE = /(?:^|[\s(])(?:\$ |\* |# )?(?:npx |npm run -s )?pare (?:-- )?([a-z].*)$/

/** What follows `pare` in a line, if it has it. */
export const commandIn = (line: string): string | undefined => LINE.exec(line)?.[1]

/** Words of a line as a shell has them, up to its first comment, pipe or redirection. */
export function words(line: string): string[] {
  const found = [...line.matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g)].map(([, a, b, c]) => a ?? b ?? c!)
  const end = found.findIndex((word) => /^([#|&;>]|>>|&&|\|\|)$/.test(word) || word.startsWith('#'))
  return end < 0 ? found : found.slice(0, end)
}
