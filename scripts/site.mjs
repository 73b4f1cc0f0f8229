/**
 * The docs as a site, into dist/site: `npm run docs`. Pages are those of the repository, at their own places, so that a
 * link is the same there and here; search works without a server or a network. A dead link ends it.
 */
import fs from 'node:fs'
import path from 'node:path'
import { Marked } from 'marked'

const root = path.resolve(import.meta.dirname, '..')

/** What stands in the margin; other pages are reached by links. */
const GROUPS = {
  Start: ['README.md', 'docs/guide.md', 'docs/troubleshooting.md'],
  Tutorials: [
    'docs/tutorials/bearing.md',
    'docs/tutorials/microcontroller.md',
    'docs/tutorials/phone.md',
    'docs/tutorials/drone.md',
    'docs/tutorials/wake-word.md',
    'docs/tutorials/wearable.md',
    'docs/tutorials/car.md',
  ],
  'How to': [
    'docs/data.md',
    'docs/search.md',
    'docs/bundle.md',
    'docs/microcontrollers.md',
    'docs/library.md',
  ],
  Methods: ['docs/quantization.md', 'docs/pruning.md', 'docs/training.md', 'docs/comparison.md'],
  Reference: [
    'docs/cli.md',
    'docs/library-reference.md',
    'docs/presets.md',
    'docs/passes.md',
    'docs/targets.md',
    'docs/encodings.md',
    'docs/suite.md',
  ],
  Project: [
    'docs/privacy.md',
    'docs/architecture.md',
    'docs/design-system.md',
    'CONTRIBUTING.md',
    'CHANGELOG.md',
    'docs/releasing.md',
  ],
}

const escaped = (text) =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')

/** As GitHub names headings. */
const slug = (text) =>
  text
    .toLowerCase()
    .replace(/<[^>]*>|&\w+;/g, '')
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .trim()
    .replace(/\s/g, '-')

const htmlOf = (page) => (page === 'README.md' ? 'index.html' : page.replace(/\.md$/, '.html'))

/** One page as HTML, with its links and the places they may lead to. */
function rendered(page, text) {
  const anchors = new Set([''])
  const links = []
  const sections = [{ title: '', anchor: '', text: '' }]
  const marked = new Marked({
    renderer: {
      heading({ tokens, depth }) {
        const inner = this.parser.parseInline(tokens)
        let anchor = slug(inner)
        for (let i = 1; anchors.has(anchor); i++) anchor = `${slug(inner)}-${i}`
        anchors.add(anchor)
        return `<h${depth} id="${anchor}">${inner}</h${depth}>\n`
      },
      link({ href, tokens }) {
        const target = /^[a-z]+:/.test(href) ? href : local(href)
        return `<a href="${escaped(target)}">${this.parser.parseInline(tokens)}</a>`
      },
      image({ href, text: alt }) {
        return `<img src="${escaped(local(href))}" alt="${escaped(alt)}">`
      },
    },
  })
  function local(href) {
    const [file, anchor = ''] = href.split('#')
    const target = file === '' ? page : path.posix.join(path.posix.dirname(page), file)
    links.push({ target, anchor })
    if (!target.endsWith('.md')) return href
    const relative = path.posix.relative(path.posix.dirname(htmlOf(page)), htmlOf(target))
    return `${relative}${anchor && `#${anchor}`}`
  }
  const html = marked.parse(text)
  for (const part of html.split(/(?=<h[1-3] id=)/)) {
    const [, anchor, title] = /^<h[1-3] id="([^"]*)">([\s\S]*?)<\/h/.exec(part) ?? []
    if (anchor !== undefined) sections.push({ title, anchor, text: part })
  }
  const plain = (piece) =>
    piece
      .replace(/<[^>]*>/g, ' ')
      .replace(/\s+/g, ' ')
      .trim()
  return {
    html,
    anchors,
    links,
    title: plain(sections[1]?.title ?? page),
    sections: sections.slice(1).map((one) => ({ ...one, title: plain(one.title), text: plain(one.text) })),
  }
}

const STYLE = `:root{color-scheme:light dark}body{margin:0;font:16px/1.55 system-ui,sans-serif;display:grid;grid-template-columns:15rem minmax(0,1fr)}
nav{padding:1.2rem;border-right:1px solid #8884;position:sticky;top:0;height:100vh;overflow:auto;box-sizing:border-box}
nav h2{font-size:.8rem;text-transform:uppercase;opacity:.7;margin:1.1rem 0 .2rem}nav ul{list-style:none;margin:0;padding:0}
nav a{text-decoration:none}nav a[aria-current]{font-weight:600}main{padding:1rem 2.5rem 5rem;max-width:60rem}
main>*{overflow-x:auto}img{max-width:100%;border:1px solid #8884}table{border-collapse:collapse;display:block;overflow-x:auto}
td,th{border:1px solid #8886;padding:.25rem .6rem}pre{background:#8882;padding:.8rem;overflow:auto}code{font-size:.9em}
#found{padding-left:1rem;font-size:.9rem}@media(max-width:50rem){body{display:block}nav{position:static;height:auto}}`

const SEARCH = `const box=document.getElementById('query'),list=document.getElementById('found'),up=document.documentElement.dataset.up
box.addEventListener('input',()=>{const words=box.value.toLowerCase().split(/\\s+/).filter(Boolean);list.replaceChildren()
if(!words.length)return
const score=s=>words.every(w=>s.low.includes(w))?words.reduce((n,w)=>n+(s.t.toLowerCase().includes(w)?10:0)+(s.p.toLowerCase().includes(w)?3:0),1):0
for(const s of SECTIONS.map(s=>({...s,low:(s.t+' '+s.p+' '+s.x).toLowerCase()})).map(s=>({...s,n:score(s)})).filter(s=>s.n).sort((a,b)=>b.n-a.n).slice(0,15)){
const item=document.createElement('li'),link=document.createElement('a');link.href=up+s.u;link.textContent=s.p===s.t?s.t:s.p+': '+s.t;item.append(link);list.append(item)}})`

function pageOf(page, { html, title }, titles) {
  const up = '../'.repeat(htmlOf(page).split('/').length - 1)
  const nav = Object.entries(GROUPS)
    .map(([group, pages]) => {
      const items = pages.map(
        (one) =>
          `<li><a href="${up}${htmlOf(one)}"${one === page ? ' aria-current="page"' : ''}>${titles.get(one)}</a></li>`,
      )
      return `<h2>${group}</h2><ul>${items.join('')}</ul>`
    })
    .join('')
  return `<!doctype html><html lang="en" data-up="${up}"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>${title} · Pare</title><link rel="stylesheet" href="${up}style.css">
<nav><label>Search <input id="query" type="search"></label><ul id="found"></ul>${nav}</nav><main>${html}</main>
<script src="${up}sections.js"></script><script src="${up}search.js"></script></html>`
}

/** Writes the site; gives how many pages it has. Throws with every dead link there is. */
export function writeSite(out = path.join(root, 'dist', 'site')) {
  const pages = new Map()
  const others = new Set()
  const waiting = Object.values(GROUPS).flat()
  const dead = []
  while (waiting.length > 0) {
    const page = waiting.pop()
    if (pages.has(page)) continue
    pages.set(page, rendered(page, fs.readFileSync(path.join(root, page), 'utf8')))
    for (const { target } of pages.get(page).links) {
      if (!fs.existsSync(path.join(root, target)) || target.startsWith('..')) dead.push(`${page}: ${target}`)
      else if (target.endsWith('.md')) waiting.push(target)
      else others.add(target)
    }
  }
  for (const [page, { links }] of pages)
    for (const { target, anchor } of links)
      if (pages.has(target) && !pages.get(target).anchors.has(anchor))
        dead.push(`${page}: ${target}#${anchor}`)
  if (dead.length > 0) throw new Error(`Dead links:\n${dead.join('\n')}`)

  fs.rmSync(out, { recursive: true, force: true })
  const place = (name, text) => {
    const file = path.join(out, name)
    fs.mkdirSync(path.dirname(file), { recursive: true })
    fs.writeFileSync(file, text)
  }
  const titles = new Map([...pages].map(([page, { title }]) => [page, title]))
  for (const [page, made] of pages) place(htmlOf(page), pageOf(page, made, titles))
  for (const other of others) {
    const from = path.join(root, other)
    fs.cpSync(from, path.join(out, other), { recursive: true })
    if (!fs.statSync(from).isDirectory()) continue
    const names = fs
      .readdirSync(from)
      .map((name) => `<li><a href="${escaped(name)}">${escaped(name)}</a></li>`)
    const index = path.join(other, 'index.html')
    if (!fs.existsSync(path.join(out, index)))
      place(index, `<!doctype html><meta charset="utf-8"><ul>${names.join('')}</ul>`)
  }
  const sections = [...pages].flatMap(([page, { title, sections: own }]) =>
    own.map((one) => ({ p: title, t: one.title, u: `${htmlOf(page)}#${one.anchor}`, x: one.text })),
  )
  place('sections.js', `const SECTIONS=${JSON.stringify(sections)}`)
  place('search.js', SEARCH)
  place('style.css', STYLE)
  return pages.size
}

if (process.argv[1] === import.meta.filename) console.log(`${writeSite()} pages in dist/site`)
