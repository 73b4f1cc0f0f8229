/** What makes C sources a library of Arduino. Source: Arduino, "Library specification" 1.5. */
import { sizeOf } from '../../onnx'
import { memory, runStatement } from './compiler'
import type { Emitted } from './emit'
import { cType } from './types'

export const libraryProperties = (prefix: string): string => `name=${prefix}
version=1.0.0
author=Pare
maintainer=Pare
sentence=A neural network as C99.
paragraph=Made by Pare from an ONNX model: no allocation, no runtime; weights stay compressed in flash.
category=Data Processing
url=https://www.arduino.cc/reference/en/libraries/
architectures=*
includes=${prefix}.h
`

/** A sketch that runs the model on zeros and prints what it gives and how long it took. */
export function sketch(made: Emitted, prefix: string): string {
  const { inputs, outputs, states } = made.parameters
  const arrays = [...inputs, ...outputs].map(
    ({ buffer, variable }) =>
      `static ${cType(buffer.dtype)} ${variable}[${Math.max(1, sizeOf(buffer.dims))}];`,
  )
  const prints = outputs.map(
    ({ buffer, variable }) =>
      `  for (int i = 0; i < ${sizeOf(buffer.dims)}; i++) Serial.println((double)${variable}[i], 6);`,
  )
  return `/* Made by Pare: put a sample where the inputs are and read the outputs. */
#include <${prefix}.h>

${memory(made, prefix)}
${arrays.join('\n')}

void setup() {
  Serial.begin(115200);
${states.length > 0 ? `  ${prefix}_reset(&state);\n` : ''}}

void loop() {
  const unsigned long before = micros();
  ${runStatement(made, prefix)}
  const unsigned long after = micros();
${prints.join('\n')}
  Serial.print("microseconds: ");
  Serial.println(after - before);
  delay(1000);
}
`
}
