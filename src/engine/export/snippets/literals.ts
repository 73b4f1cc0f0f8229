/**
 * String literals of names that may be any text, by language. What cannot be seen (control, format and bidi
 * characters, line separators) is escaped everywhere: code must read as it runs. Lone surrogates, which no file of
 * UTF-8 holds, become U+FFFD.
 */

const HIDDEN = /[\p{C}\p{Zl}\p{Zp}]/u
const SHORT: Readonly<Record<string, string>> = {
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '"': '\\"',
  '\\': '\\\\',
}

const hex = (value: number, digits: number): string => value.toString(16).padStart(digits, '0')

const literal = (text: string, escape: (char: string) => string | undefined): string =>
  `"${[...text.replaceAll(/\p{Cs}/gu, '\ufffd')].map((char) => SHORT[char] ?? escape(char) ?? char).join('')}"`

/** `\uXXXX` for each UTF-16 unit. */
const utf16 = (char: string): string =>
  [...Array(char.length).keys()].map((i) => `\\u${hex(char.charCodeAt(i), 4)}`).join('')

/** Source: The Python Language Reference, 2.4.1 "String and Bytes literals". */
export const pythonString = (text: string): string =>
  literal(text, (char) => {
    const code = char.codePointAt(0)!
    if (HIDDEN.test(char)) return code > 0xffff ? `\\U${hex(code, 8)}` : `\\u${hex(code, 4)}`
    return undefined
  })

/** Source: ECMAScript 2024, 12.9.4 "String Literals". */
export const javascriptString = (text: string): string =>
  literal(text, (char) => (HIDDEN.test(char) ? utf16(char) : undefined))

/** `$` begins a template. Source: Kotlin language specification, "String literals". */
export const kotlinString = (text: string): string =>
  literal(text, (char) => (char === '$' ? '\\$' : HIDDEN.test(char) ? utf16(char) : undefined))

/** Source: The Swift Programming Language, "Lexical Structure: String Literals". */
export const swiftString = (text: string): string =>
  literal(text, (char) => (HIDDEN.test(char) ? `\\u{${char.codePointAt(0)!.toString(16)}}` : undefined))

/**
 * All but ASCII as octal bytes of UTF-8, whatever the compiler takes the file's encoding for, and `?` escaped, as two
 * may begin a trigraph. Source: C++17 (N4659), 5.13.3 "Character literals" and 5.13.5 "String literals".
 */
export const cppString = (text: string): string =>
  literal(text, (char) => {
    if (char === '?') return '\\?'
    if (char >= ' ' && char <= '~') return undefined
    return [...Buffer.from(char)].map((byte) => `\\${byte.toString(8).padStart(3, '0')}`).join('')
  })
