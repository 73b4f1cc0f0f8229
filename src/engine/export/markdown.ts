/** Text of anybody's in Markdown, where it must stay text. Source: CommonMark 0.31 and GitHub's tables. */

/** Control, format (bidi among them), private and unassigned characters, and line separators. */
const HIDDEN = /[\p{C}\p{Zl}\p{Zp}]/gu

/** What would not be seen, or end a line, by its code point. */
const visible = (text: string): string =>
  text.replaceAll(HIDDEN, (char) => `\\u{${char.codePointAt(0)!.toString(16)}}`)

/** Longest run of backticks in a text. */
const longestRun = (text: string): number =>
  Math.max(0, ...[...text.matchAll(/`+/g)].map(([run]) => run.length))

/** Words in which nothing is markup or HTML; an underscore within a word is none. */
export const plain = (text: string): string =>
  visible(text.replaceAll(/[\r\n\t]+/g, ' '))
    .replaceAll(/[\\`*[\]<>#|&~!]/g, '\\$&')
    .replaceAll(/(?<![\p{L}\p{N}])_|_(?![\p{L}\p{N}])/gu, '\\_')

export function codeSpan(text: string): string {
  if (text.trim() === '') return `(${text.length} spaces)`
  const shown = visible(text)
  const ticks = '`'.repeat(longestRun(shown) + 1)
  const pad = /^[` ]|[` ]$/.test(shown) ? ' ' : ''
  return `${ticks}${pad}${shown}${pad}${ticks}`
}

/** A code block that no line of the code can end. */
export function fenced(language: string, code: string): string {
  const ticks = '`'.repeat(Math.max(3, longestRun(code) + 1))
  return `${ticks}${language}\n${code.trim()}\n${ticks}`
}
