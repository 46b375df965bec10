// pdf.js says of what it could not draw only on its console. Here each such line
// becomes a fact: the document was not drawn whole. Imported before pdf.js, in
// the page and in its worker.

/** Calls tell with each warning or error that is written to this console. */
export function hookConsole(tell) {
  for (const level of ['warn', 'error']) {
    const before = console[level].bind(console);
    console[level] = (...args) => {
      tell(args.map(String).join(' '));
      before(...args);
    };
  }
}
