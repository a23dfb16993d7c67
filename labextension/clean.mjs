// A build that starts from old output is not the build of this source: take all of it away first.
import { rmSync } from 'node:fs';

for (const path of [
  'lib',
  'test/out',
  '../jupyter_extension/labextension',
  '../jupyter_extension/nbextension'
]) {
  rmSync(new URL(path, import.meta.url), { force: true, recursive: true });
}
