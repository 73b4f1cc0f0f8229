/** Colours for canvases, from the tokens: what is drawn is not styled. */

/** The colour of each custom property. Properties keep light-dark() unresolved, so a probe resolves them. */
export function resolveColours<K extends string>(properties: Record<K, string>): Record<K, string> {
  const probe = Object.assign(document.createElement('span'), { className: 'drawn-colours' })
  document.body.append(probe)
  const colours = Object.entries<string>(properties).map(([name, property]) => {
    probe.style.color = `var(${property})`
    return [name, getComputedStyle(probe).color]
  })
  probe.remove()
  return Object.fromEntries(colours) as Record<K, string>
}
