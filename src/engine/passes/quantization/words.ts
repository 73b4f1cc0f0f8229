/** "1 embedding is", "3 embeddings are". */
export const counted = (n: number, one: string, many: string): string => `${n} ${n === 1 ? one : many}`
