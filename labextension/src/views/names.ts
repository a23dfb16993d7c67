/** The names of commands, as menus, shortcuts and other extensions call them. */

export const RUN_STALE = 'reactive:run-stale';
export const TOGGLE_MODE = 'reactive:toggle-mode';
export const SHOW_GRAPH = 'reactive:show-graph';
export const SHOW_VARIABLES = 'reactive:show-variables';
export const SET_CELL_MODE = 'reactive:set-cell-mode';
export const EXPLAIN_CELL = 'reactive:explain-cell';
export const GO_TO_CAUSE = 'reactive:go-to-cause';
export const CONNECT = 'reactive:connect';
export const INSERT_SQL = 'reactive:insert-sql-cell';
