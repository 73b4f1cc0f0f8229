/** Pages of a long list, fetched as they come into sight and kept; a new question throws them away. */

export const PAGE = 100

export class Pager<Row> {
  pages = $state.raw<ReadonlyMap<number, readonly Row[]>>(new Map())
  private asked = new Set<number>()
  private generation = 0

  constructor(
    private readonly fetch: (offset: number, limit: number) => Promise<readonly Row[] | undefined>,
  ) {}

  at = (index: number): Row | undefined => this.pages.get(Math.floor(index / PAGE))?.[index % PAGE]

  reset(): void {
    this.generation++
    this.asked.clear()
    this.pages = new Map()
  }

  need(first: number, last: number): void {
    for (let page = Math.floor(first / PAGE); page <= Math.floor(Math.max(first, last - 1) / PAGE); page++)
      void this.load(page)
  }

  private async load(page: number): Promise<void> {
    if (this.asked.has(page)) return
    this.asked.add(page)
    const { generation } = this
    const rows = await this.fetch(page * PAGE, PAGE)
    if (generation !== this.generation) return
    if (rows) this.pages = new Map(this.pages).set(page, rows)
    else this.asked.delete(page)
  }
}
