/** Rooms of the engine; each may import those before it. */
export const ENGINE_ORDER: readonly string[]
/** Rooms of src, and which of them each may import. */
export const MAY_IMPORT: Readonly<Record<string, readonly string[]>>
