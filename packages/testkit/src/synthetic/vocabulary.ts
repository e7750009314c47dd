// A synthetic vocabulary of any size with the layout of the real one: bytes, merged tokens, the 33 added tokens, padding.

/** The tokenizer arrays of a GGUF file. */
export interface SyntheticVocabulary {
  readonly tokens: readonly string[]
  /** 1 normal, 3 control, 4 user-defined, 5 unused. */
  readonly types: readonly number[]
  /** `left right`, best first. */
  readonly merges: readonly string[]
  readonly endOfTurn: number
  readonly endOfText: number
}

const [NORMAL, CONTROL, USER_DEFINED, UNUSED] = [1, 3, 4, 5]

/** The added tokens in their order, ids 248044 to 248076 in the real vocabulary. */
const added = [
  '<|endoftext|> <|im_start|> <|im_end|> <|object_ref_start|> <|object_ref_end|> <|box_start|> <|box_end|> <|quad_start|> <|quad_end|>',
  '<|vision_start|> <|vision_end|> <|vision_pad|> <|image_pad|> <|video_pad|> <tool_call> </tool_call>',
  '<|fim_prefix|> <|fim_middle|> <|fim_suffix|> <|fim_pad|> <|repo_name|> <|file_sep|> <tool_response> </tool_response> <think> </think>',
  '<|audio_start|> <|audio_end|> <tts_pad> <tts_text_bos> <tts_text_eod> <tts_text_bos_single> <|audio_pad|>',
].flatMap((line) => line.split(' '))

/** Rows of the real embedding table that no token uses. */
const PADDING = 243

/**
 * Makes a vocabulary of `size` tokens whose merges join bytes to pairs and pairs to triples, those of small letters and the space
 * first, so that text does become shorter. The last 33 tokens before the padding are the real added ones.
 *
 * @param size At least 1024; the real one is 248,320.
 */
export function syntheticVocabulary(size: number): SyntheticVocabulary {
  const plain = size - PADDING - added.length
  const bytes = byteCharacters()
  const merges = firstMerges(bytes, plain - bytes.length)
  const endOfText = plain
  const padding = Array.from({ length: PADDING }, (_, i) => `[PAD${plain + added.length + i}]`)
  return {
    tokens: [...bytes, ...merges.map(joined), ...added, ...padding],
    types: [
      ...Array(plain).fill(NORMAL),
      ...added.map((token) => (token.startsWith('<|') ? CONTROL : USER_DEFINED)),
      ...Array(PADDING).fill(UNUSED),
    ],
    merges: merges.map(([left, right]) => `${left} ${right}`),
    endOfText,
    endOfTurn: endOfText + added.indexOf('<|im_end|>'),
  }
}

type Pair = readonly [left: string, right: string]
const joined = ([left, right]: Pair): string => left + right

/** Pairs of the most common members of both lists first: all of the first n with each other before any of the next. */
function* pairsOf(lefts: readonly string[], rights: readonly string[]): Generator<Pair> {
  for (const [i, left] of lefts.entries()) {
    for (const right of rights.slice(0, i + 1)) yield [left, right]
    const right = rights[i]
    if (right !== undefined) for (const other of lefts.slice(0, i)) yield [other, right]
  }
}

/** The first `count` merges: bytes to pairs, then pairs and a byte to triples. */
function firstMerges(bytes: readonly string[], count: number): Pair[] {
  const merges = [...pairsOf(bytes, bytes)].slice(0, count)
  const triples = pairsOf(merges.map(joined), bytes)
  while (merges.length < count) merges.push(triples.next().value!)
  return merges
}

/**
 * The 256 characters that stand for bytes in GPT-2's vocabulary format, space and small letters first. Printable Latin-1 characters
 * stand for themselves, the other bytes take the code points from 256 on. Source: `bytes_to_unicode` of OpenAI's gpt-2.
 */
function byteCharacters(): string[] {
  let next = 256
  const characters = Array.from({ length: 256 }, (_, byte) => {
    const printable = (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte !== 0xad)
    return String.fromCharCode(printable ? byte : next++)
  })
  const common = [0x20, ...Array.from({ length: 26 }, (_, i) => 0x61 + i)].map((byte) => characters[byte]!)
  return [...common, ...characters.filter((character) => !common.includes(character))]
}
