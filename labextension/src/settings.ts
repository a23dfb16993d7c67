/** The user's settings as they are now, with the schema's defaults where there is no registry. */

import type { ISettingRegistry } from '@jupyterlab/settingregistry';

export interface Settings {
  readonly autoRun: boolean;
  readonly autoRunDelay: number;
}

const DEFAULTS: Settings = { autoRun: true, autoRunDelay: 1500 };

export function readSettings(registry: ISettingRegistry | null, plugin: string): () => Settings {
  let current = DEFAULTS;
  const follow = async (): Promise<void> => {
    const settings = await registry?.load(plugin);
    const read = (): void => {
      current = settingsOf(settings?.composite ?? {});
    };
    settings?.changed.connect(read);
    read();
  };
  follow().catch((reason: unknown) => {
    console.warn('jupyter-reactive: settings could not be read', reason);
  });
  return () => current;
}

function settingsOf({ autoRun, autoRunDelay }: Readonly<Record<string, unknown>>): Settings {
  return {
    autoRun: typeof autoRun === 'boolean' ? autoRun : DEFAULTS.autoRun,
    autoRunDelay: typeof autoRunDelay === 'number' ? autoRunDelay : DEFAULTS.autoRunDelay
  };
}
