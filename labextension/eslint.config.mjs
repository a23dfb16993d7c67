import js from '@eslint/js';
import tseslint from 'typescript-eslint';

export default tseslint.config(
  { ignores: ['lib', 'node_modules', 'test/out'] },
  js.configs.recommended,
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked, tseslint.configs.stylisticTypeChecked],
    languageOptions: {
      parserOptions: {
        project: ['tsconfig.json', 'classic/tsconfig.json', 'test/tsconfig.json'],
        tsconfigRootDir: import.meta.dirname
      }
    },
    rules: {
      // Types, unlike interfaces, are assignable to JSON: what goes over the wire is a type.
      '@typescript-eslint/consistent-type-definitions': 'off',
      // Numbers read well in messages.
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      // Signals of Lab take a method and the object to call it on.
      '@typescript-eslint/unbound-method': 'off'
    }
  },
  {
    files: ['**/*.mjs'],
    languageOptions: { globals: { URL: 'readonly', console: 'readonly', process: 'readonly' } }
  },
  {
    files: ['test/**/*.ts'],
    rules: {
      // The runner awaits what `test` returns.
      '@typescript-eslint/no-floating-promises': 'off'
    }
  }
);
