// Digests fed piece by piece. Browsers have no such thing: WebCrypto wants all bytes at once, and a model has too many.

import type { Digest } from './blocks.js'
import { Sha1 } from './sha1.js'
import { Sha256 } from './sha256.js'
import { Xxh64 } from './xxh64.js'

/** Hashes of bytes that manifests of GGUF files use. */
export type GgufHashAlgorithm = 'sha256' | 'sha1' | 'xxh64'

/** Makes a digest of an algorithm. */
export type MakeDigest = (algorithm: GgufHashAlgorithm) => Digest

/** The digests of this package, in plain JavaScript. */
export const portableDigest: MakeDigest = (algorithm) => {
  if (algorithm === 'sha256') return new Sha256()
  return algorithm === 'sha1' ? new Sha1() : new Xxh64()
}

/** Hexadecimal digits of each algorithm's hash. */
export const hexDigits: Record<GgufHashAlgorithm, number> = { sha256: 64, sha1: 40, xxh64: 16 }

/** UUIDv5 of `en.wikipedia.org/wiki/Llama.cpp` in the URL namespace: the namespace that llama.cpp's `gguf-hash` gives model ids in. */
const LLAMA_CPP_NAMESPACE = 'ef001206dadc5f6da15f3359e577d4e5'

/** A UUID, version 5, of bytes in llama.cpp's namespace. Source: RFC 9562, section 5.5; `gguf-hash` of llama.cpp. */
export function uuidDigest(make: MakeDigest): Digest {
  const sha1 = make('sha1')
  sha1.update(
    Uint8Array.from({ length: 16 }, (_, i) => Number.parseInt(LLAMA_CPP_NAMESPACE.slice(2 * i, 2 * i + 2), 16)),
  )
  return {
    update: (bytes) => sha1.update(bytes),
    hex() {
      const digits = sha1.hex()
      const variant = ((Number.parseInt(digits[16]!, 16) & 3) | 8).toString(16)
      return [
        digits.slice(0, 8),
        digits.slice(8, 12),
        `5${digits.slice(13, 16)}`,
        variant + digits.slice(17, 20),
        digits.slice(20, 32),
      ].join('-')
    },
  }
}
