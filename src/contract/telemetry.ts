/**
 * What keeps ONNX Runtime from reporting to Microsoft, as its builds do unless told. Both are read when the runtime's
 * environment is made: the first by the builds for Linux and macOS, the second by all, and on Windows alone there.
 * See docs/privacy.md. Source: microsoft/onnxruntime, docs/Privacy.md and core/platform/telemetry_environment.h.
 */
export const TELEMETRY_OFF = { ORT_DISABLE_TELEMETRY: '1', ORT_RUNNING_UNIT_TESTS: '1' } as const
