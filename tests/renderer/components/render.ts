/** Components in a document as a browser has one; what was mounted goes with its test. */
import { flushSync, mount, unmount, type Component } from 'svelte'
import { afterEach } from 'vitest'
import WindowApp from '../../../src/renderer/App.svelte'
import { FakeHost } from '../fake/host'

const mounted: ReturnType<typeof mount>[] = []

afterEach(async () => {
  for (const one of mounted.splice(0)) await unmount(one)
  document.body.innerHTML = ''
  history.replaceState(null, '', location.pathname)
  localStorage.clear()
})

interface Rendered {
  /** The first that the selector finds; throws where there is none. */
  find<E extends Element = HTMLElement>(selector: string): E
  all<E extends Element = HTMLElement>(selector: string): E[]
  text(): string
}

/** Effects and awaited answers of a host in memory have happened. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 8; turn++) {
    await new Promise((resolve) => setTimeout(resolve))
    flushSync()
  }
}

function looked(): Rendered {
  const find = <E extends Element = HTMLElement>(selector: string): E => {
    const found = document.body.querySelector<E>(selector)
    if (!found) throw new Error(`nothing is ${selector} in ${document.body.innerHTML.slice(0, 2000)}`)
    return found
  }
  return {
    find,
    all: <E extends Element = HTMLElement>(selector: string) => [
      ...document.body.querySelectorAll<E>(selector),
    ],
    text: () => document.body.textContent!.replace(/\s+/g, ' '),
  }
}

export function render<P extends object>(
  component: Component<P>,
  props: Partial<P>,
  context = new Map<unknown, unknown>(),
): Rendered {
  mounted.push(mount(component, { target: document.body, props: props as P, context }))
  flushSync()
  return looked()
}

/** The whole window on a host in memory, at a place as its address says it. */
export async function openWindow(
  options: ConstructorParameters<typeof FakeHost>[0] = {},
  place = '',
): Promise<Rendered & { host: FakeHost }> {
  const host = new FakeHost(options)
  if (place) history.replaceState(null, '', `${location.pathname}#${place}`)
  const rendered = render(WindowApp, { host })
  await settle()
  return { ...rendered, host }
}

export function type(input: HTMLInputElement | HTMLSelectElement, text: string): void {
  input.value = text
  input.dispatchEvent(new Event('input', { bubbles: true }))
  input.dispatchEvent(new Event('change', { bubbles: true }))
  flushSync()
}

/** The button, link or tab with these words, or this label. */
export function button(words: string | RegExp): HTMLElement {
  const names = (node: Element): string[] => [
    node.getAttribute('aria-label') ?? '',
    node.textContent!.replace(/\s+/g, ' ').trim(),
  ]
  const isIt = (name: string): boolean => (typeof words === 'string' ? name === words : words.test(name))
  const found = [...document.querySelectorAll<HTMLElement>('button, a, [role=tab], [role=menuitem]')].find(
    (node) => names(node).some(isIt),
  )
  if (!found) throw new Error(`no button is called ${words}`)
  return found
}

export async function press(words: string | RegExp): Promise<void> {
  button(words).click()
  await settle()
}

export async function key(
  name: string,
  options: KeyboardEventInit = {},
  on: EventTarget = window,
): Promise<void> {
  on.dispatchEvent(new KeyboardEvent('keydown', { key: name, bubbles: true, cancelable: true, ...options }))
  await settle()
}
