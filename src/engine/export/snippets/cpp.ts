/** C++17: the header-only API of ONNX Runtime. */
import {
  imageOf,
  inputWords,
  sizeOfPort,
  spread,
  type Language,
  type SnippetContext,
  type SnippetPort,
} from './context'
import { decisionOf, readsLabels, written, type Of } from './decision'
import { cppString } from './literals'
import { scaledInputs } from './scaled'

const TYPES: Record<string, string> = {
  float32: 'float',
  float64: 'double',
  int64: 'int64_t',
  int32: 'int32_t',
  int8: 'int8_t',
  uint8: 'uint8_t',
  bool: 'bool',
  float16: 'Ort::Float16_t',
}

const typeOf = (port: SnippetPort): string => TYPES[port.dtype] ?? 'float'

function preprocess(context: SnippetContext): string {
  const image = imageOf(context)
  if (!image)
    return scaledInputs(context, (a, b) => `${a} / ${b}`)
      .map(
        ({ function: name, size, source, channel, scale, mean, std }) => `
  // Of ${size} numbers as they are stored, in the order of preprocessing.json.
  static std::vector<float> ${name}(const float* raw) {
    const float mean[] = {${mean.join(', ')}};
    const float deviation[] = {${std.join(', ')}};
    std::vector<float> out(${size});
    for (int i = 0; i < ${size}; i++)
      out[i] = (raw[${source}] * static_cast<float>(${scale}) - mean[${channel}]) / deviation[${channel}];
    return out;
  }
`,
      )
      .join('')
  const { width, height, channels, layout, scale, mean, std, order, invert } = image
  const at = layout === 'nhwc' ? `i * ${channels} + c` : `c * ${width * height} + i`
  const from = order === 'bgr' && channels >= 3 ? '(c < 3 ? 2 - c : c)' : 'c'
  const value = `pixels[i * ${channels} + ${from}]`
  return `
  // Pixels of a ${width} x ${height} picture (${image.resize}), ${channels} byte${channels === 1 ? ' (grey)' : 's (RGB)'} a pixel, row by row.
  static std::vector<float> prepare(const unsigned char* pixels) {
    const float mean[] = {${spread(mean, channels)}};
    const float deviation[] = {${spread(std, channels)}};
    std::vector<float> out(${channels * width * height});
    for (int i = 0; i < ${width * height}; i++)
      for (int c = 0; c < ${channels}; c++)
        out[${at}] = (${invert ? `(255 - ${value})` : value} * static_cast<float>(${scale}) - mean[c]) / deviation[c];
    return out;
  }
`
}

function predict(context: SnippetContext, parameters: string): string {
  const decision = decisionOf(context)
  if (!decision) return ''
  const given = context.inputs.map(({ variable }) => variable)
  const run = `run(${given.join(', ')})`
  const body = {
    named: ({ label }: Of<'named'>) => [
      'std::string',
      `return ask(${[cppString(label), ...given].join(', ')}).GetStringTensorElement(0);`,
    ],
    highest: () => ['std::string', `return labels_[static_cast<std::size_t>(classify(${run}))];`],
    held: ({ threshold }: Of<'held'>) => [
      'std::vector<std::string>',
      `const std::vector<float> scores = ${run};
    std::vector<std::string> held;
    for (std::size_t i = 0; i < labels_.size(); i++)
      if (scores[i] > static_cast<float>(${threshold})) held.push_back(labels_[i]);
    return held;`,
    ],
    second: ({ threshold }: Of<'second'>) => [
      'std::string',
      `return labels_[${run}[0] > static_cast<float>(${threshold}) ? 1 : 0];`,
    ],
    happens: ({ threshold }: Of<'happens'>) => [
      'bool',
      `return ${run}[0] >= static_cast<float>(${threshold});`,
    ],
  }
  const [type, statements] = written(decision, body)
  return `
  // ${decision.words}.
  ${type} predict(${parameters}) {
    ${statements}
  }
`
}

export const cpp: Language = {
  language: 'cpp',
  title: 'C++',
  fence: 'cpp',
  code(context) {
    const { inputs, answer, classes, file } = context
    // std::vector<bool> has no data(): a plain array of the length stands for every type alike.
    const arguments_ = inputs.map((port) => `${typeOf(port)}* ${port.variable}`).join(', ')
    const tensors = inputs.map(
      (port) => `    const int64_t ${port.variable}Shape[] = {${port.dims.join(', ') || '0 /* none */'}};
    values.push_back(Ort::Value::CreateTensor<${typeOf(port)}>(
        memory, ${port.variable}, ${sizeOfPort(port)}, ${port.variable}Shape, ${port.dims.length}));`,
    )
    const given = inputs.map(({ variable }) => `, ${variable}`).join('')
    const labels = readsLabels(decisionOf(context))
    return `// Link with onnxruntime; C++17.
#include <onnxruntime_cxx_api.h>
#include <algorithm>
#include <cstdlib>
${labels ? '#include <fstream>\n' : ''}#include <string>
#include <utility>
#include <vector>

class Model {
 public:
  explicit Model(const ORTCHAR_T* path = ORT_TSTR(${cppString(file)})${labels ? ', const char* names = "labels.txt"' : ''})
      : session_(environment_, path, Ort::SessionOptions{}) {${
        labels
          ? `
    std::ifstream file(names);
    for (std::string name; std::getline(file, name);) labels_.push_back(name);
  `
          : ''
      }}
${preprocess(context)}
  // ${inputs.map((port) => `${port.variable}: ${sizeOfPort(port)} values`).join('; ')}, ${inputWords(context)}.
  std::vector<float> run(${arguments_}) {
    const Ort::Value value = ask(${cppString(answer.name)}${given});
    const float* data = value.GetTensorData<float>();
    return {data, data + value.GetTensorTypeAndShapeInfo().GetElementCount()};
  }
${predict(context, arguments_)}${
      classes
        ? `
  static int classify(const std::vector<float>& scores) {
    return static_cast<int>(std::max_element(scores.begin(), scores.end()) - scores.begin());
  }
`
        : ''
    }
 private:
  Ort::Value ask(const char* output, ${arguments_}) {
    const auto memory = Ort::MemoryInfo::CreateCpu(OrtArenaAllocator, OrtMemTypeDefault);
    std::vector<Ort::Value> values;
${tensors.join('\n')}
    const char* inputs[] = {${inputs.map(({ name }) => cppString(name)).join(', ')}};
    auto results = session_.Run(Ort::RunOptions{}, inputs, values.data(), values.size(), &output, 1);
    return std::move(results[0]);
  }

  static Ort::Env silentEnvironment() {
#ifndef _WIN32
    setenv("ORT_DISABLE_TELEMETRY", "1", 1);  // ONNX Runtime reports to Microsoft otherwise
#endif
    return Ort::Env{ORT_LOGGING_LEVEL_WARNING, "model"};
  }

  Ort::Env environment_ = silentEnvironment();
  Ort::Session session_;
${labels ? '  std::vector<std::string> labels_;\n' : ''}};
`
  },
}
