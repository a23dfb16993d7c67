// Bundles the classic adapter into the one AMD file that nbclassic loads.
import { fileURLToPath } from 'node:url';
import { rspack } from '@rspack/core';

const here = path => fileURLToPath(new URL(path, import.meta.url));

const compiler = rspack({
  mode: 'production',
  devtool: false,
  context: here('.'),
  entry: './main.ts',
  target: ['web', 'es2022'],
  resolve: { extensions: ['.ts', '.js'] },
  module: {
    rules: [
      { test: /\.css$/, type: 'asset/source' },
      {
        test: /\.ts$/,
        loader: 'builtin:swc-loader',
        options: { jsc: { parser: { syntax: 'typescript' }, target: 'es2022' } }
      }
    ]
  },
  externals: [
    'base/js/events',
    'base/js/namespace',
    'base/js/utils',
    'notebook/js/codecell',
    'notebook/js/outputarea',
    'services/kernels/kernel'
  ],
  externalsType: 'amd',
  output: {
    path: here('../../jupyter_extension/nbextension'),
    filename: 'main.js',
    library: { type: 'amd' },
    clean: true
  }
});

compiler.run((error, stats) => {
  const failure = error ?? (stats.hasErrors() ? stats.toString('errors-only') : null);
  compiler.close(() => undefined);
  if (failure) {
    console.error(failure);
    process.exitCode = 1;
  }
});
