/** Names that may be any text as identifiers that are safe in every language of the snippets, and unique. */

const list = (text: string): readonly string[] => text.trim().split(/\s+/)

/** Words no identifier may be, lowercase ones alone: made identifiers begin with a lowercase letter. */
const KEYWORDS: Readonly<Record<string, readonly string[]>> = {
  // The Python Language Reference, 2.3.1 "Keywords" and 2.3.2 "Soft Keywords".
  python:
    list(`and as assert async await break class continue def del elif else except finally for from global if
    import in is lambda nonlocal not or pass raise return try while with yield match case type`),
  // ECMAScript 2024, 12.7.2 "Keywords and Reserved Words", with those of strict mode and of TypeScript's checker.
  javascript:
    list(`await break case catch class const continue debugger default delete do else enum export extends
    false finally for function if import in instanceof new null return super switch this throw true try typeof var
    void while with yield let static implements interface package private protected public arguments eval undefined`),
  // Kotlin language specification, "Keywords and operators": hard keywords.
  kotlin:
    list(`as break class continue do else false for fun if in interface is null object package return super
    this throw true try typealias typeof val var when while`),
  // The Swift Programming Language, "Lexical Structure: Keywords and Punctuation".
  swift:
    list(`associatedtype borrowing class consuming deinit enum extension fileprivate func import init inout
    internal let nonisolated open operator precedencegroup private protocol public rethrows static struct subscript
    typealias var break case catch continue default defer do each else fallthrough for guard if in repeat return some
    any switch throw throws where while actor as async await false is macro nil self sending super true try`),
  // C++23 (N4950), 5.11 "Keywords" and 5.5 "Alternative tokens"; macros of C headers, of GCC's GNU modes and Windows.
  cpp: list(`alignas alignof and and_eq asm auto bitand bitor bool break case catch char char16_t char32_t char8_t
    class co_await co_return co_yield compl concept const const_cast consteval constexpr constinit continue decltype
    default delete do double dynamic_cast else enum explicit export extern false float for friend goto if inline int
    long mutable namespace new noexcept not not_eq nullptr operator or or_eq private protected public register
    reinterpret_cast requires return short signed sizeof static static_assert static_cast struct switch template this
    thread_local throw true try typedef typeid typename union unsigned using virtual void volatile wchar_t while xor
    xor_eq errno stdin stdout stderr assert linux unix near far small min max`),
}

/** Names that the snippets themselves use. */
const USED: Readonly<Record<string, readonly string[]>> = {
  python: list(
    `os np ort session run prepare predict classify feeds scores path photo pixels ratio left top int object`,
  ),
  javascript: list(
    `session load run ask predict output prepare classify feeds outputs scores path pixels mean std out i c`,
  ),
  kotlin:
    list(`environment session context prepare run ask predict output read classify feeds results buffer scores it to mapOf setOf
    longArrayOf android java photo scaled pixels mean std shifts out value i c p close`),
  swift:
    list(`environment session prepare run ask predict output classify feeds outputs data scores path pixels mean std out value values
    type shape i c setenv`),
  cpp: list(
    `memory values inputs outputs results data run ask predict output value classify scores path std setenv silentEnvironment`,
  ),
  // Words that say more with an ending.
  plain: list('image'),
}

const RESERVED = new Set([...Object.values(KEYWORDS), ...Object.values(USED)].flat())

/** Long names are still told apart by what follows. */
const LONGEST = 40

/**
 * A function from names to identifiers: 'input.1' → 'input1'. Letters, digits and no sign but those of ASCII; never
 * two alike, also not with "Shape" behind, as C++ calls the dimensions.
 */
export function identifiers(): (name: string) => string {
  const taken = new Set<string>()
  const free = (variable: string): boolean => !taken.has(variable) && !taken.has(`${variable}Shape`)
  return (name) => {
    const words = name.match(/[A-Za-z0-9]+/g) ?? []
    const camel = words.map((word, i) => (i === 0 ? word : word[0]!.toUpperCase() + word.slice(1))).join('')
    const cut = camel.slice(0, LONGEST)
    let base = /^[A-Za-z]/.test(cut) ? cut[0]!.toLowerCase() + cut.slice(1) : `input${cut}`
    if (RESERVED.has(base)) base += 'Values'
    let variable = base
    for (let i = 2; !free(variable); i++) variable = `${base}${i}`
    taken.add(variable).add(`${variable}Shape`)
    return variable
  }
}
