// Small safetensors files for tests, each built so that its one defect can be seen in the test that makes it.

/** A tensor entry as it goes into the JSON; any field may be malformed on purpose. */
export type Entry = Record<string, unknown>

export const tensor = (dtype: unknown, shape: unknown, data_offsets: unknown): Entry => ({ dtype, shape, data_offsets })

/** A file from the text of its header and its data. `length` overrides the declared length of the header. */
export function fileOf(json: string | Uint8Array, data: number | Uint8Array, length?: bigint): Uint8Array<ArrayBuffer> {
  const text = typeof json === 'string' ? new TextEncoder().encode(json) : json
  const payload = typeof data === 'number' ? Uint8Array.from({ length: data }, (_, i) => i) : data
  const bytes = new Uint8Array(8 + text.length + payload.length)
  new DataView(bytes.buffer).setBigUint64(0, length ?? BigInt(text.length), true)
  bytes.set(text, 8)
  bytes.set(payload, 8 + text.length)
  return bytes
}

/** A file from its entries. */
export function file(entries: Record<string, Entry>, data: number): Uint8Array<ArrayBuffer> {
  return fileOf(JSON.stringify(entries), data)
}
