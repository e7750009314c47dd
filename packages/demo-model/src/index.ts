// Where the demo model lies. Data and its card are the rest of this package; reading the file is up to others.

/** What the demo model is called. */
export const demoModelName = 'demo'

/** The model file, GGUF with Q8_0 weights: a `file:` URL in Node, whatever serves the package in a browser. */
export const demoModelUrl: URL = new URL('../model/demo-Q8_0.gguf', import.meta.url)
