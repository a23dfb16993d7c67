/** Shows cells that begin with `%%sql` as SQL, and as what they were before once they do not. */

import { type ICellModel, isCodeCellModel } from '@jupyterlab/cells';
import type { NotebookPanel } from '@jupyterlab/notebook';
import type { IChangedArgs } from '@jupyterlab/coreutils';

import { isSql } from './complete';

export const SQL_MIME = 'text/x-sql';

export function highlight(panel: NotebookPanel): void {
  const followed = new WeakSet<ICellModel>();
  const follow = (): void => {
    for (const cell of panel.content.model?.cells ?? []) {
      if (isCodeCellModel(cell) && !followed.has(cell)) {
        followed.add(cell);
        const show = (): void => {
          apply(cell, panel);
        };
        cell.sharedModel.changed.connect(show, panel);
        // The notebook gives all its cells the language of a kernel that has come up.
        cell.mimeTypeChanged.connect((_: unknown, change: IChangedArgs<string>) => {
          if (change.newValue !== SQL_MIME) {
            show();
          }
        }, panel);
        show();
      }
    }
  };
  panel.content.modelChanged.connect(follow, panel);
  panel.content.modelContentChanged.connect(follow, panel);
  follow();
}

function apply(cell: ICellModel, panel: NotebookPanel): void {
  const sql = isSql(cell.sharedModel.getSource());
  if (sql !== (cell.mimeType === SQL_MIME)) {
    cell.mimeType = sql ? SQL_MIME : panel.content.codeMimetype;
  }
}
