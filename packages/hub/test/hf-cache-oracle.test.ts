// The cache as Hugging Face's own client lays it out, which also holds this repository's hub of tests to what that client accepts.
// Needs Python with huggingface_hub: FAK_TEST_PYTHON=/path/to/python.

import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import { checkpointFiles, noise, reference, setUp } from './store.js'

const python = process.env.FAK_TEST_PYTHON

it.skipIf(python === undefined)('a cache that huggingface_hub has filled is enough offline', async () => {
  const files = { ...checkpointFiles, 'model.safetensors': noise(50_000), 'sub/x-Q8_0.gguf': noise(5000) }
  const { store, env, hub } = await setUp({ 'owner/model': { files } })
  const fill = "import huggingface_hub; huggingface_hub.snapshot_download('owner/model')"
  await promisify(execFile)(python!, ['-c', fill], { env: { ...process.env, ...env, HF_HUB_DISABLE_XET: '1' } })
  const asked = hub.requests.length
  const offline = store({ offline: true })
  for (const text of ['hf:owner/model', 'hf:owner/model:Q8_0']) {
    expect(await offline.verify(await offline.pull(reference(text)))).toEqual([])
  }
  expect(hub.requests.length).toBe(asked)
})
