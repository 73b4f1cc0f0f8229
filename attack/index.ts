/// <reference types="vite/client" />
/**
 * `npm run attack [-- kind … --seconds N --count N --seed S --from N --engines N --memory MB]`: made-up damage of every kind,
 * many inputs at once. Prints what became of them; what failed is kept, made as small as it would go, in
 * `out/attack-findings/`. Fails when anything but "ok" and a coded refusal was seen.
 */
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { commandLine, numberOf, refuse } from '../scripts/command-line'
import { FAULTS, type Attack, type Finding } from './support/attack'

const found = import.meta.glob<{ attack: Attack }>('./kinds/*.ts')
const kinds = new Map(Object.entries(found).map(([file, load]) => [path.basename(file, '.ts'), load]))

const usage = `npm run attack -- [KIND …] [--seconds N --count N --seed S --from N --engines N --memory MB]
kinds: ${[...kinds.keys()].join(', ')}; all without one`

const { values, positionals } = commandLine(usage, {
  seconds: { type: 'string', default: '3600' },
  seed: { type: 'string', default: '1' },
  count: { type: 'string' },
  from: { type: 'string', default: '0' },
  engines: { type: 'string', default: String(os.availableParallelism()) },
  memory: { type: 'string', default: '2048' },
})
const unknown = positionals.filter((kind) => !kinds.has(kind))
if (unknown.length > 0) refuse(`There is no attack ${unknown.join(', ')}.`, usage)
const number = (name: keyof typeof values, otherwise = 0): number =>
  values[name] === undefined ? otherwise : numberOf(name, values[name], usage)

const kept = path.resolve('out/attack-findings')

function keep(kind: string, n: number, finding: Finding): void {
  fs.mkdirSync(kept, { recursive: true })
  const base = path.join(kept, `${kind}-${finding.verdict}-${n}`)
  fs.writeFileSync(`${base}.txt`, `${finding.case}\n${finding.code ?? ''}\n${finding.detail ?? ''}\n`)
  if (finding.input) fs.writeFileSync(`${base}${finding.input.extension}`, finding.input.bytes)
}

const shared = path.resolve('../shared')
let faults = 0
for (const kind of positionals.length > 0 ? positionals : kinds.keys()) {
  const { attack } = await kinds.get(kind)!()
  console.log(`${kind}: ${attack.about}`)
  const started = Date.now()
  const tally = new Map<string, number>()
  const findings = attack.run({
    seed: number('seed'),
    count: number('count', attack.count),
    from: number('from'),
    seconds: number('seconds'),
    engines: number('engines'),
    memory: number('memory') * 2 ** 20,
    built: path.resolve('out/main'),
    ...(fs.existsSync(shared) && { shared }),
  })
  for await (const finding of findings) {
    const key = finding.verdict === 'coded' ? `coded (${finding.code})` : finding.verdict
    tally.set(key, (tally.get(key) ?? 0) + 1)
    if (process.env.ATTACK_DEBUG)
      console.log('   ', finding.case, finding.verdict, (finding.detail ?? '').slice(0, 160))
    if (!FAULTS.includes(finding.verdict)) continue
    keep(kind, ++faults, finding)
    console.log(
      `  ${finding.verdict} ${finding.case}: ${finding.code ?? ''} ${(finding.detail ?? '').slice(0, 300)}`,
    )
  }
  const counts = [...tally]
    .sort(([, a], [, b]) => b - a)
    .map(([verdict, n]) => `${n} ${verdict}`)
    .join(', ')
  console.log(`  ${counts} in ${Math.round((Date.now() - started) / 1000)} s`)
}
if (faults > 0) console.log(`${faults} faults; kept in ${path.relative('.', kept)}/`)
process.exit(faults > 0 ? 1 : 0)
