// A GGUF file, and nothing else: what it says, what its tensors take, their hash, and what a damaged file is refused with.
import { fileURLToPath } from 'node:url'
import { demoModelUrl } from '@fak/demo-model'
import { parseGguf } from '@fak/gguf'
import { hashGguf, openGguf } from '@fak/gguf/node'
import { FakError } from '@fak/tensor'

const file = await openGguf(fileURLToPath(demoModelUrl)) // the header is read and checked; tensors stay on the disk
const { version, metadata, tensors } = file
console.log(`GGUF v${version},`, metadata.string('general.architecture'), metadata.known('qwen35.context_length'))

const sizes: Record<string, number> = {}
for (const { dtype, byteLength } of tensors.values()) sizes[dtype] = (sizes[dtype] ?? 0) + byteLength
console.log(sizes) // bytes by stored type

const { name, dtype, shape } = tensors.get('blk.0.ffn_down.weight')!
console.log(name, dtype, shape) // slowest dimension first

const { content } = await hashGguf(file) // of all tensor data: the same after an edit of the metadata
console.log('sha256', content.sha256)
await file.close()

try {
  parseGguf(Uint8Array.of(0x47, 0x47, 0x55, 0x46, 3, 0, 0, 0, 1))
} catch (error) {
  if (!FakError.isInstance(error)) throw error
  console.log(error.code, 'at byte', error.offset)
}
