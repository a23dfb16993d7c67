/** What a graph panel shows: cells, tables and files as nodes, and who takes what from whom. Pure. */

import type { Edges } from '../../protocol';
import { named } from '../words';

export type Kind = 'cell' | 'table' | 'file';

export interface Node {
  readonly id: string;
  readonly kind: Kind;
  /** What it leaves behind, or what it is called. */
  readonly names: readonly string[];
}

export interface Link {
  readonly from: string;
  readonly to: string;
  /** What is handed on; empty where the way is a node of its own. */
  readonly names: readonly string[];
}

export interface Drawing {
  readonly nodes: readonly Node[];
  readonly links: readonly Link[];
}

type Graph = ReadonlyMap<string, Edges>;

/** `order` holds the code cells as they stand in the document. */
export function drawingOf(order: readonly string[], graph: Graph): Drawing {
  const cells = order.filter(id => graph.has(id));
  const resources = new Map<string, Node>();
  const links: Link[] = [];
  for (const id of cells) {
    links.push(...linksInto(id, cells, graph));
  }
  for (const id of cells) {
    links.push(...linksWith(id, graph, resources));
  }
  const nodes = cells.map(id => ({
    id,
    kind: 'cell' as const,
    names: plainNames(graph.get(id)?.writes ?? [])
  }));
  return { nodes: [...nodes, ...resources.values()], links };
}

/** From each parent, with the names that the cell takes from it rather than from another one. */
function linksInto(id: string, order: readonly string[], graph: Graph): Link[] {
  const edges = graph.get(id);
  const parents = order.filter(other => other !== id && edges?.parents.includes(other));
  const makers = new Map<string, string[]>();
  for (const name of edges?.reads ?? []) {
    const maker = makerOf(name, id, parents, order, graph);
    if (maker !== null) {
      makers.set(maker, [...(makers.get(maker) ?? []), name]);
    }
  }
  return parents.flatMap(from => {
    const all = makers.get(from) ?? [];
    const names = all.filter(name => !isNode(name));
    return all.length && !names.length ? [] : [{ from, to: id, names }];
  });
}

/** The nearest parent above that writes the name, or else the last one anywhere. */
function makerOf(
  name: string,
  reader: string,
  parents: readonly string[],
  order: readonly string[],
  graph: Graph
): string | null {
  const writers = parents.filter(id => graph.get(id)?.writes.includes(name));
  const place = order.indexOf(reader);
  return writers.filter(id => order.indexOf(id) < place).at(-1) ?? writers.at(-1) ?? null;
}

/** Between a cell and the tables and files that it touches. */
function linksWith(id: string, graph: Graph, resources: Map<string, Node>): Link[] {
  const edges = graph.get(id);
  const meet = (name: string): string => {
    const { kind, label } = named(name);
    if (kind === 'table' || kind === 'file') {
      resources.set(name, { id: name, kind, names: [label] });
    }
    return name;
  };
  const writes = (edges?.writes ?? []).filter(isNode).map(name => ({ from: id, to: meet(name), names: [] }));
  const reads = (edges?.reads ?? [])
    .filter(name => isNode(name) && !edges?.writes.includes(name))
    .map(name => ({ from: meet(name), to: id, names: [] }));
  return [...writes, ...reads];
}

function isNode(name: string): boolean {
  const { kind } = named(name);
  return kind === 'table' || kind === 'file';
}

function plainNames(names: readonly string[]): string[] {
  return names.filter(name => named(name).kind === 'name');
}

/** Who a node takes from, and who takes from it. */
export function neighbours(drawing: Drawing, id: string): { parents: Set<string>; children: Set<string> } {
  const parents = drawing.links.filter(link => link.to === id).map(link => link.from);
  const children = drawing.links.filter(link => link.from === id).map(link => link.to);
  return { parents: new Set(parents), children: new Set(children) };
}
