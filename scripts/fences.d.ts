/** Rooms of the engine; each may import those before it. */
export const ENGINE_ORDER: readonly string[]
