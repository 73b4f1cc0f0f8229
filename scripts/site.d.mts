export function writeSite(out?: string): number
