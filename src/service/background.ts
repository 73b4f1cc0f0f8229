/** Work nobody waits for. What it throws is told with what was being done: neither lost nor the end of the process. */
export function inBackground(work: Promise<unknown>, during: string): void {
  work.catch((thrown: unknown) => console.error(`pare: ${during}:`, thrown))
}
