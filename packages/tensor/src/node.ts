// Node-only half of @fak/tensor: local files.
export { fileSource, openWith } from './node/file-source.js'
export { writeFileAtomically } from './node/write-file.js'
