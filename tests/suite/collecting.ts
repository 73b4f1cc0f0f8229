import { FAULTS, verdictOf, type Outcome, type RunStep } from '../../suite/support/suite'

/** Steps run here, and what became of them. */
export function collecting(): { step: RunStep; results: ({ name: string } & Outcome)[]; faults(): string[] } {
  const results: ({ name: string } & Outcome)[] = []
  return {
    results,
    faults: () =>
      results
        .filter(({ verdict }) => FAULTS.includes(verdict))
        .map(({ name, verdict, code, detail }) =>
          `${name}: ${verdict} ${code ?? ''} ${detail ?? ''}`.slice(0, 400),
        ),
    async step(name, judge) {
      const outcome = await judge().then(
        (given) => given ?? { verdict: 'ok' as const },
        (thrown: unknown) => verdictOf(thrown),
      )
      results.push({ name, ...outcome })
      return outcome
    },
  }
}
