/** Pages of a long list, fetched as they come into sight and kept; a new question throws them away. */

export const PAGE = 100
/** Pages that only fly past are not fetched. */
const CALM_MS = 60

export class Pager<Row> {
  pages = $state.raw<Readonly<Record<number, readonly Row[]>>>({})
  private asked: Record<number, boolean> = {}
  private generation = 0
  private sight: [first: number, last: number] = [0, 1]
  private timer?: ReturnType<typeof setTimeout>

  constructor(
    private readonly fetch: (offset: number, limit: number) => Promise<readonly Row[] | undefined>,
  ) {}

  at = (index: number): Row | undefined => this.pages[Math.floor(index / PAGE)]?.[index % PAGE]

  reset(): void {
    this.generation++
    this.asked = {}
    this.pages = {}
  }

  /** What is in sight now; what is still in sight a moment later is fetched. */
  see(first: number, last: number): void {
    this.sight = [first, last]
    this.timer ??= setTimeout(() => {
      this.timer = undefined
      this.need(...this.sight)
    }, CALM_MS)
  }

  need(first: number, last: number): void {
    for (let page = Math.floor(first / PAGE); page <= Math.floor(Math.max(first, last - 1) / PAGE); page++)
      this.load(page).catch(() => (this.asked[page] = false))
  }

  private async load(page: number): Promise<void> {
    if (this.asked[page]) return
    this.asked[page] = true
    const { generation } = this
    const rows = await this.fetch(page * PAGE, PAGE)
    if (generation !== this.generation) return
    if (rows) this.pages = { ...this.pages, [page]: rows }
    else this.asked[page] = false
  }
}
