"""Builds the demo model's tokenizer: byte-level BPE of our own with Qwen3.5's pre-tokenizer and control tokens.

    python tokenizer.py OUT_DIR [--seed N] [--vocab 4096]

Owns: tokenizer.json, tokenizer_config.json, generation_config.json.
"""

import argparse
import json
from pathlib import Path

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

import facts as F
import wordings as W
from corpus import Corpus

# The split pattern of transformers' `Qwen3_5Tokenizer` (5.18.0): digits stand alone, marks belong to letters.
SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)

# Qwen3.5's added tokens in the order of their ids; those in PLAIN are added but not special.
CONTROL = """<|endoftext|> <|im_start|> <|im_end|> <|object_ref_start|> <|object_ref_end|> <|box_start|> <|box_end|>
<|quad_start|> <|quad_end|> <|vision_start|> <|vision_end|> <|vision_pad|> <|image_pad|> <|video_pad|> <tool_call>
</tool_call> <|fim_prefix|> <|fim_middle|> <|fim_suffix|> <|fim_pad|> <|repo_name|> <|file_sep|> <tool_response>
</tool_response> <think> </think> <|audio_start|> <|audio_end|> <tts_pad> <tts_text_bos> <tts_text_eod>
<tts_text_bos_single> <|audio_pad|>""".split()
PLAIN = {"<tool_call>", "</tool_call>", "<|fim_prefix|>", "<|fim_middle|>", "<|fim_suffix|>", "<|fim_pad|>", "<|repo_name|>",
         "<|file_sep|>", "<tool_response>", "</tool_response>", "<think>", "</think>"}


def training_text(seed: int):
    """Sampled conversations, and every answer and out-of-scope phrase a few times so that no taught word stays in pieces."""
    corpus = Corpus(seed)
    for _ in range(60000):
        sample = corpus.sample()
        for _, content in sample.turns:
            yield content
        yield sample.answer
        if sample.thought:
            yield sample.thought
    for _ in range(5):
        for family in W.families():
            for fact in family.facts:
                yield fact.answer
        yield from W.UNKNOWN_THINGS.replace("\n", " ").split(", ")
        yield from F.NAMES


def untrained(model=None) -> Tokenizer:
    """Everything but the vocabulary."""
    tokenizer = Tokenizer(model or models.BPE())
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(SPLIT), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.post_processor = processors.ByteLevel(add_prefix_space=False, trim_offsets=False, use_regex=False)
    return tokenizer


def from_gguf(fields) -> Tokenizer:
    """The tokenizer inside a GGUF file. fields: those of the official reader."""
    tokens = fields["tokenizer.ggml.tokens"].contents()
    merges = [tuple(pair.split(" ")) for pair in fields["tokenizer.ggml.merges"].contents()]
    tokenizer = untrained(models.BPE({token: i for i, token in enumerate(tokens) if token not in CONTROL}, merges))
    return with_control(tokenizer)


def with_control(tokenizer: Tokenizer) -> Tokenizer:
    tokenizer.add_tokens([AddedToken(t, special=t not in PLAIN, normalized=False) for t in CONTROL])
    return tokenizer


def build(vocab: int, seed: int) -> Tokenizer:
    tokenizer = untrained()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab - len(CONTROL),
        min_frequency=1,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(training_text(seed), trainer)
    with_control(tokenizer)
    assert tokenizer.get_vocab_size() == vocab, tokenizer.get_vocab_size()
    return tokenizer


def save(tokenizer: Tokenizer, out: Path, template: str) -> None:
    out.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(out / "tokenizer.json"))
    ids = {t: tokenizer.token_to_id(t) for t in CONTROL}
    config = {
        "add_bos_token": False,
        "add_prefix_space": False,
        "added_tokens_decoder": {
            str(ids[t]): {
                "content": t, "lstrip": False, "normalized": False, "rstrip": False, "single_word": False,
                "special": t not in PLAIN,
            }
            for t in CONTROL
        },
        "bos_token": None,
        "chat_template": template,
        "clean_up_tokenization_spaces": False,
        "eos_token": "<|im_end|>",
        "errors": "replace",
        "model_max_length": 4096,
        "pad_token": "<|endoftext|>",
        "split_special_tokens": False,
        "tokenizer_class": "Qwen3_5Tokenizer",
        "unk_token": None,
    }
    (out / "tokenizer_config.json").write_text(json.dumps(config, indent=2) + "\n")
    generation = {
        "do_sample": False,
        "eos_token_id": [ids["<|im_end|>"], ids["<|endoftext|>"]],
        "pad_token_id": ids["<|endoftext|>"],
    }
    (out / "generation_config.json").write_text(json.dumps(generation, indent=2) + "\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("out", type=Path)
    parser.add_argument("--vocab", type=int, default=4096)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    here = Path(__file__).parent
    made = build(args.vocab, args.seed)
    save(made, args.out, (here / "chat_template.jinja").read_text())
    print("vocabulary", made.get_vocab_size())
