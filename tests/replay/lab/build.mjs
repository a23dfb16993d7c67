// Bundles JupyterLab's own output model for Node: `node build.mjs OUTPUT`.
import { createRequire } from 'node:module';
import { dirname, basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const extension = join(here, '../../../labextension');
const { rspack } = createRequire(join(extension, 'package.json'))('@rspack/core');
const output = process.argv[2];

rspack(
  {
    mode: 'none',
    target: 'node',
    entry: join(here, 'render.js'),
    output: { path: dirname(output), filename: basename(output) },
    resolve: {
      modules: [join(extension, 'node_modules')],
      // The model alone: the renderers beside it need a browser.
      alias: { '@jupyterlab/rendermime$': '@jupyterlab/rendermime/lib/outputmodel.js' }
    }
  },
  (error, stats) => {
    if (error || stats.hasErrors()) {
      console.error(error ?? stats.toString());
      process.exitCode = 1;
    }
  }
);
