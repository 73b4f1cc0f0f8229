import js from '@eslint/js'
import globals from 'globals'
import svelte from 'eslint-plugin-svelte'
import ts from 'typescript-eslint'
import { fences } from './scripts/fences.js'

export default ts.config(
  {
    ignores: [
      'out/',
      'dist/',
      'coverage/',
      'node_modules/',
      'test-results/',
      'tests/fixtures/',
      'tests/canary/',
    ],
  },
  js.configs.recommended,
  ...ts.configs.recommended,
  ...svelte.configs['flat/recommended'],
  { languageOptions: { globals: globals.node } },
  { files: ['**/*.svelte', '**/*.svelte.ts'], languageOptions: { parserOptions: { parser: ts.parser } } },
  {
    rules: {
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/no-unused-vars': [
        'error',
        { argsIgnorePattern: '^_', varsIgnorePattern: '^_', ignoreRestSiblings: true },
      ],
      '@typescript-eslint/consistent-type-imports': 'error',
      'max-lines': ['error', { max: 500 }],
      eqeqeq: 'error',
      'no-console': 'off',
      'no-undef': 'off',
    },
  },
  {
    files: ['**/*.{ts,mjs,js}'],
    ignores: ['src/engine/runtime/ort.ts'],
    rules: {
      // Whatever the form, import, require or import(): its telemetry would be on.
      'no-restricted-syntax': [
        'error',
        {
          selector: 'Literal[value=/^onnxruntime-(node|common)(\\u002F|$)/]',
          message: 'ONNX Runtime is had from engine/runtime/ort',
        },
      ],
    },
  },
  {
    // With types: every file of ours, scripts and configurations as well.
    files: ['**/*.{ts,svelte,js,mjs}'],
    ignores: ['**/*.d.ts'],
    languageOptions: {
      parserOptions: {
        projectService: true,
        tsconfigRootDir: import.meta.dirname,
        extraFileExtensions: ['.svelte'],
      },
    },
    rules: {
      '@typescript-eslint/no-floating-promises': ['error', { ignoreVoid: false }],
      '@typescript-eslint/no-misused-promises': 'error',
    },
  },
  { files: ['src/**'], rules: { 'max-lines': ['error', { max: 350 }] } },
  ...fences,
)
