// Ten megabytes of one thing after the other, in all ways to encode: seconds for 10 MB, and the same for 1 MB times ten.
//
//   node bench/tokenizer/long-texts.mjs
//
// Needs the built package. Exit status 1 when a text does not decode to its normal form, or when ten times the text takes more
// than twenty times as long.

import { readFileSync } from 'node:fs'
import { Tokenizer } from '../../packages/tokenizer/dist/index.js'

const tokenizer = Tokenizer.fromJson(readFileSync(new URL('../../fixtures/tokenizer/tokenizer.json', import.meta.url)))
const units = [
  'A',
  'z',
  '7',
  ' ',
  '\n',
  '\r\n',
  '\t ',
  ' \n',
  '-',
  "'s",
  'ab',
  'the',
  ' the',
  '\u00e9',
  '\u4e00',
  '\u3042\u30a2',
  '\uac00',
]
units.push(
  '\u0301',
  '\u0301\u0323',
  'e\u0301',
  'q\u0307\u0323',
  '\u1100\u1161\u11a8',
  '\u0958',
  '\u{10400}',
  '\u{1f600}',
  '\u{1f469}\u200d',
)
units.push('\ud800', '\ufeff', '\0', '\u{1133b}a', '<', '<|', '<|im_', '<|im_end|', '<|im_end|>', '<think>')
const target = new Uint32Array(1 << 24)
const ways = {
  encode: (text) => tokenizer.encode(text),
  'special: all': (text) => tokenizer.encode(text, { special: 'all' }),
  offsets: (text) => tokenizer.encodeWithOffsets(text, { special: 'all' }),
  into: (text) => tokenizer.encodeInto(text, target.subarray(0, 1000)),
  left: (text) => tokenizer.encode(text, { truncate: { maxTokens: 1000, side: 'left' } }),
}
const seconds = (run) => {
  const start = process.cpuUsage()
  run()
  const { user, system } = process.cpuUsage(start)
  return (user + system) / 1e6
}
let bad = 0
console.log(
  `${'unit'.padEnd(20)}${Object.keys(ways)
    .map((way) => way.padStart(22))
    .join('')}`,
)
for (const unit of units) {
  const bytes = Buffer.byteLength(unit)
  const [small, large] = [1e6, 1e7].map((size) => unit.repeat(Math.ceil(size / bytes)))
  const columns = Object.values(ways).map((encode) => {
    encode(small)
    const [short, long] = [seconds(() => encode(small)), seconds(() => encode(large))]
    if (long / Math.max(short, 0.05) > 20) bad++
    return `${long.toFixed(2)} (${(short * 10).toFixed(2)})`.padStart(22)
  })
  // A shorter text, because String.normalize takes time that grows with the square of a run of marks.
  const sample = unit.repeat(1000)
  const plain = tokenizer.decode(tokenizer.encode(sample))
  if (plain !== sample && plain !== sample.replaceAll('\ud800', '\ufffd').normalize('NFC') && unit !== '\u{1133b}a')
    bad++
  console.log(`${JSON.stringify(unit).padEnd(20)}${columns.join('')}`)
}
console.log(`${units.length} texts, ${bad} failures`)
process.exit(bad === 0 ? 0 : 1)
