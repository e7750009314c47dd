// What a file that is no GGUF probably is, for the message: most such files are downloads gone wrong.

/** A few words about a file that begins with these bytes, or `undefined`. */
export function describeForeignFile(bytes: Uint8Array): string | undefined {
  const text = String.fromCharCode(...bytes.subarray(0, 64))
  if (/^(\u00ef\u00bb\u00bf)?\s*<(!doctype|html|head|body|!--)/i.test(text))
    return 'HTML, perhaps an error page of a server'
  if (text.startsWith('PK\x03\x04')) return 'ZIP, perhaps a PyTorch checkpoint'
  if (text.startsWith('\x89PNG')) return 'PNG'
  if (text.startsWith('version https://git-lfs')) return 'a Git LFS pointer; the file itself was not downloaded'
  if (/^(lmgg|tjgg|fmgg|algg)/.test(text)) return 'a GGML file from before GGUF'
  if (text.startsWith('FUGG')) return 'GGUF with its magic in reverse byte order'
  // A safetensors file is an 8-byte length and then a JSON object.
  if (text[8] === '{' && text.slice(5, 8) === '\0\0\0') return 'safetensors'
  return undefined
}
