/** Building stones of the report page. Whatever comes from a model, a dataset or a person is escaped. */

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

/** Control and bidirectional characters are dropped: they could make a page say what it does not. */
export const escape = (text: string): string =>
  text
    .replace(/[\p{Cc}\p{Bidi_Control}]/gu, (c) => (c === '\n' || c === '\t' ? ' ' : ''))
    .replace(/[&<>"']/g, (c) => ENTITIES[c]!)

export interface Cell {
  /** Plain text. */
  text: string
  /** Smaller, under the text. */
  detail?: string
  tone?: 'good' | 'bad' | 'muted'
}

export const cell = (text: string, detail?: string, tone?: Cell['tone']): Cell => ({ text, detail, tone })

function td({ text, detail, tone }: Cell, header: boolean): string {
  const tag = header ? 'th scope="row"' : `td${tone ? ` class="${tone}"` : ''}`
  const small = detail ? `<small>${escape(detail)}</small>` : ''
  return `<${tag}>${escape(text)}${small}</${header ? 'th' : 'td'}>`
}

/** A table whose first column names its rows. */
export function table(head: readonly string[], rows: readonly (readonly Cell[])[], caption: string): string {
  const columns = head.map((name) => `<th scope="col">${escape(name)}</th>`).join('')
  const body = rows.map((row) => `<tr>${row.map((one, i) => td(one, i === 0)).join('')}</tr>`).join('\n')
  return `<div class="scroll"><table><caption>${escape(caption)}</caption><thead><tr>${columns}</tr></thead><tbody>${body}</tbody></table></div>`
}

/** A headed part of the page; nothing where there is nothing to say. */
export const section = (title: string, ...content: string[]): string => {
  const inner = content.filter(Boolean).join('\n')
  return inner ? `<section><h2>${escape(title)}</h2>\n${inner}</section>` : ''
}

export const paragraph = (text: string, tone = ''): string =>
  `<p${tone ? ` class="${tone}"` : ''}>${escape(text)}</p>`
