// Who may import whom (docs/architecture.md). Anything not listed is forbidden; a new package starts with a new line here.

const arrows = {
  tensor: [],
  gguf: ['tensor'],
  safetensors: ['tensor'],
  tokenizer: ['tensor'],
  chat: ['tensor', 'tokenizer'],
  grammar: ['tensor'],
  graph: ['tensor'],
  layers: ['graph', 'tensor'],
  'model-qwen35': ['graph', 'layers', 'tensor'],
  session: ['graph', 'tensor', 'tokenizer'],
  'kernels-native': ['graph', 'tensor'],
  'demo-model': [],
  convert: ['gguf', 'model-qwen35', 'safetensors', 'tensor', 'tokenizer'],
  hub: ['tensor'],
  cli: [
    ...[
      'chat',
      'convert',
      'demo-model',
      'gguf',
      'grammar',
      'graph',
      'hub',
      'kernels-native',
      'model-qwen35',
      'safetensors',
      'session',
      'tensor',
    ],
    'tokenizer',
  ],
}

/** Packages that may use Node itself everywhere; the others only in `/node` entry points. */
const nodePackages = ['cli', 'hub', 'kernels-native']

const packageRules = Object.entries(arrows).map(([name, allowed]) => ({
  name: `${name}-imports-only-${allowed.length > 0 ? allowed.join('-') : 'nothing'}`,
  severity: 'error',
  from: { path: `^packages/${name}/src/` },
  to: { path: '^packages/', pathNot: `^packages/(${[name, ...allowed].join('|')})/` },
}))

export default {
  forbidden: [
    ...packageRules,
    {
      name: 'every-package-is-listed',
      severity: 'error',
      from: { path: '^packages/[^/]+/src/', pathNot: `^packages/(${[...Object.keys(arrows), 'testkit'].join('|')})/` },
      to: {},
    },
    { name: 'no-cycles', severity: 'error', from: { path: '^packages/' }, to: { circular: true } },
    { name: 'resolvable', severity: 'error', from: { path: '^packages/' }, to: { couldNotResolve: true } },
    {
      name: 'browser-safe',
      comment: 'Only the command line, the native kernels and /node entry points may touch Node.',
      severity: 'error',
      from: {
        path: '^packages/[^/]+/src/',
        pathNot: [`^packages/(${nodePackages.join('|')})/`, '/src/node(\\.ts$|/)'],
      },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'sources-import-no-tests',
      severity: 'error',
      from: { path: '^packages/[^/]+/src/' },
      to: { path: '(/test/|^fixtures/)' },
    },
    {
      name: 'published-never-imports-testkit',
      severity: 'error',
      from: { path: '^packages/', pathNot: '(^packages/testkit/|/test/)' },
      to: { path: '^packages/testkit/' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['@fak/source', 'import', 'node', 'types', 'default'],
    },
  },
}
