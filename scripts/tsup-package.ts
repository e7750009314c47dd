import { defineConfig } from 'tsup'

/** One build for every package: ESM and declarations; `@fak/*` imports stay imports. */
export function packageBuild(entry: string[]) {
  return defineConfig({
    entry,
    format: ['esm'],
    dts: true,
    sourcemap: true,
    clean: true,
    target: 'node20',
    splitting: true,
  })
}
