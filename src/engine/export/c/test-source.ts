/** test_model.c: golden samples in a program that runs wherever the model does. */
import { sizeOf } from '../../onnx'
import type { Value } from '../../runtime'
import { floatsOf } from '../../runtime/value'
import type { Golden } from '../golden'
import { memory, runStatement } from './compiler'
import { comment, type Emitted, type Parameter } from './emit'
import { cType, literal } from './types'

const list = ({ dtype, data }: Value): string => {
  const values = Array.isArray(data) ? [] : Array.from(data as ArrayLike<number | bigint>)
  return values.length > 0 ? values.map((value) => literal(dtype, value)).join(',') : '0'
}

const tableOf = (name: string, { buffer }: Parameter, values: readonly Value[]): string =>
  `static const ${cType(buffer.dtype)} ${name}[SAMPLES][${Math.max(1, sizeOf(buffer.dims))}] = {\n${values.map((value) => `{${list(value)}}`).join(',\n')}\n};`

/** Undefined without golden samples. */
export function testSource(made: Emitted, prefix: string, golden: Golden): string | undefined {
  const { samples, tolerance } = golden
  if (samples.length === 0) return undefined
  const { inputs, outputs, states } = made.parameters
  const given = [...inputs, ...states].map((one) => ({ one, table: `given_${one.variable}` }))
  const expected = [
    ...outputs.map((one) => ({ one, place: one.variable, name: one.buffer.name })),
    ...states.map((one) => ({ one, place: `state.${one.variable}`, name: one.output.name })),
  ].filter(({ name }) => tolerance[name] !== undefined)
  const tables = [
    ...given.map(({ one, table }) =>
      tableOf(
        table,
        one,
        samples.map(({ inputs }) => inputs[one.buffer.name]!),
      ),
    ),
    ...expected.map(({ one, name }) => {
      const floats = samples.map(({ outputs }): Value => ({
        dtype: 'float32',
        dims: [],
        data: floatsOf(outputs[name]!),
      }))
      return tableOf(
        `expected_${one.variable}`,
        { ...one, buffer: { ...one.buffer, dtype: 'float32' } },
        floats,
      )
    }),
  ]
  const arrays = [...inputs, ...outputs].map(
    ({ buffer, variable }) =>
      `static ${cType(buffer.dtype)} ${variable}[${Math.max(1, sizeOf(buffer.dims))}];`,
  )
  const fill = given.map(
    ({ one, table }) =>
      `memcpy(${states.some((state) => state.variable === one.variable) ? `state.${one.variable}` : one.variable}, ${table}[n], sizeof ${table}[n]);`,
  )
  const compare = expected.map(
    ({ one, place, name }) => `for (int i = 0; i < ${sizeOf(one.buffer.dims)}; i++) {
      const double apart = fabs((double)${place}[i] - (double)expected_${one.variable}[n][i]);
      if (!(apart <= ${literal('float64', tolerance[name]!)})) {
        printf("sample %d, ${comment(name).replaceAll('%', '%%').replaceAll('"', "'")} %d: %g apart\\n", n, i, apart);
        wrong++;
      }
    }`,
  )
  return `/* Made by Pare: runs the model on golden samples and compares; ends with 0 where all is as it should be. */
#include "${prefix}.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define SAMPLES ${samples.length}

${tables.join('\n\n')}

${memory(made, prefix)}
${arrays.join('\n')}

int main(void)
{
  int wrong = 0;
  for (int n = 0; n < SAMPLES; n++) {
    ${fill.join('\n    ')}
    ${runStatement(made, prefix)}
    ${compare.join('\n    ')}
  }
  printf(wrong == 0 ? "${prefix}: the outputs are as they should be\\n" : "${prefix}: outputs differ\\n");
  return wrong == 0 ? 0 : 1;
}
`
}
