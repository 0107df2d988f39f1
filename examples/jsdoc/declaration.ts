/** One documented declaration: what is searched for (`query`) and what is found (the rest). */
export interface Declaration {
  /** First sentence of its documentation. */
  readonly query: string;
  /** Its own name, for example `readFile`. */
  readonly name: string;
  /** Names of what contains it, outermost first, joined by dots; empty at the top of a module. */
  readonly container: string;
  /** The module that declares it: `fs/promises`, or a file such as `typescript/lib/lib.dom`. */
  readonly module: string;
  /** The declaration itself without any comment, on one line. */
  readonly signature: string;
}

/** The text of a declaration that the rankers see: where it is, then what it says; never its documentation. */
export function documentText({ module, container, signature }: Declaration): string {
  return `${module} ${container} ${signature}`;
}
