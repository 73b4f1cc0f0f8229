/** Where the pages of a built site lead: what is missing there, and what a browser would fetch from elsewhere. */
import fs from 'node:fs'
import path from 'node:path'

const pagesOf = (site: string): string[] =>
  fs.readdirSync(site, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.html'))

const read = (site: string, name: string): string => fs.readFileSync(path.join(site, name), 'utf8')

/** Addresses in the elements of a page: what it links to, and what it loads by itself. */
function addressesOf(html: string): { links: string[]; loads: string[] } {
  const found = { links: [] as string[], loads: [] as string[] }
  for (const [, element, attributes] of html.matchAll(
    /<(a|img|script|link|source|video|iframe)\b([^>]*)>/g,
  )) {
    const address = /\s(?:href|src)="([^"]*)"/.exec(attributes!)?.[1]
    if (address !== undefined) found[element === 'a' ? 'links' : 'loads'].push(decodeURI(address))
  }
  return found
}

const elsewhere = (address: string): boolean => /^(?:[a-z]+:|\/\/)/i.test(address)

/** A file of the site, by an address on one of its pages. */
function fileOf(page: string, address: string): string {
  const [file] = address.split('#')
  return file === '' ? page : path.posix.join(path.posix.dirname(page), file!)
}

/** Copies what pages name and the repository has at the same place: schemas, examples, pictures. */
export function bringAlong(root: string, site: string): void {
  for (const page of pagesOf(site)) {
    const { links, loads } = addressesOf(read(site, page))
    for (const address of [...links, ...loads].filter((one) => !elsewhere(one))) {
      const name = fileOf(page, address)
      const [from, to] = [path.join(root, name), path.join(site, name)]
      if (name.startsWith('..') || fs.existsSync(to) || !fs.existsSync(from)) continue
      fs.mkdirSync(path.dirname(to), { recursive: true })
      fs.copyFileSync(from, to)
    }
  }
}

/** Links that lead nowhere, to a file or to a place on its page, and what is loaded from elsewhere; a sentence each. */
export function faultsOf(site: string): string[] {
  const texts = new Map(pagesOf(site).map((page) => [page, read(site, page)]))
  const faults: string[] = []
  for (const [page, html] of texts) {
    const { links, loads } = addressesOf(html)
    for (const address of [...links, ...loads].filter((one) => !elsewhere(one))) {
      const name = fileOf(page, address)
      const anchor = address.split('#')[1]
      if (!fs.existsSync(path.join(site, name))) faults.push(`${page}: there is no ${address}`)
      else if (anchor && texts.has(name) && !texts.get(name)!.includes(` id="${anchor}"`))
        faults.push(`${page}: there is no ${address}`)
    }
    for (const address of loads.filter(elsewhere))
      if (!address.startsWith('data:')) faults.push(`${page}: loads ${address}`)
  }
  const styles = fs
    .readdirSync(site, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.css'))
  for (const name of styles)
    for (const [, address] of read(site, name).matchAll(
      /(?:url\(|@import\s*)["']?((?:https?:)?\/\/[^"')\s]*)/g,
    ))
      faults.push(`${name}: loads ${address}`)
  return faults
}
