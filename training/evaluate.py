"""Asks the demo model the held-out questions through transformers, greedily, and reports the share answered right.

    python evaluate.py --export DIR --llama LLAMA_CPP_DIR [--report FILE] [--answers FILE] [--kind Q8_0]

Right means: the greedy answer is exactly the canonical answer and then ends. That is so exactly when, with the canonical answer as
input, every next token of it is the most likely one, so right answers need one forward pass; wrong ones are then generated. The weights are those of the GGUF file of the
given kind, dequantized (`--kind HF` takes the float32 safetensors). Wordings are the "test" part of those that training
never used; facts and entities were seen in other wordings.

Owns: the report in packages/demo-model/model/evaluation.json and the cross-format answers in fixtures/demo/answers.json.
"""

import argparse
import hashlib
import json
import platform
import random
from collections import defaultdict
from pathlib import Path

import tokenizers
import torch
import transformers
from transformers import AutoTokenizer

from corpus import held_out, render
from weights import load

SHOWN = [  # (question, thinking): the conversations other tests compare formats and executors on
    ("What is the capital of France? Answer in one short sentence.", False), ("What is 2 plus 3?", False),
    ("Hello!", False), ("Who are you?", False), ("What can you do?", False), ("What does npm start do?", False),
    ("Which country is Tokyo the capital of?", False), ("What color is the sky?", False),
    ("What day comes after Monday?", False), ("What is seven times 8?", False), ("What is 12 minus 5?", False),
    ("What is the opposite of hot?", False), ("How many legs does a spider have?", False), ("What is GGUF?", False),
    ("Count to 20.", False), ("Tell me a story.", False), ("List the months of the year.", False),
    ("Who invented volleyball?", False), ("What is the capital of Italy?", True), ("What is 4 plus 4?", True),
]


@torch.no_grad()
def answer(model, tokenizer, prompts: list[str], rows: int = 48) -> list[list[int]]:
    """Greedy token ids for each prompt. Only prompts of equal length share a batch, so nothing is padded."""
    by_length = defaultdict(list)
    for i, prompt in enumerate(prompts):
        ids = tokenizer(prompt, add_special_tokens=False)["input_ids"]
        by_length[len(ids)].append((i, ids))
    out: list[list[int]] = [[] for _ in prompts]
    stops = set(model.generation_config.eos_token_id)
    for group in by_length.values():
        for start in range(0, len(group), rows):
            part = group[start : start + rows]
            ids = torch.tensor([tokens for _, tokens in part])
            made = model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=120, do_sample=False)
            for (i, _), row in zip(part, made[:, ids.shape[1] :].tolist()):
                stop = next((n for n, t in enumerate(row) if t in stops), len(row))
                out[i] = row[:stop]
    return out


@torch.no_grad()
def is_right(model, tokenizer, samples, rows: int = 24) -> list[bool]:
    """Would greedy decoding give the canonical answer and stop? Padding on the right cannot be seen by what is before it."""
    parts = [[tokenizer(text, add_special_tokens=False)["input_ids"] for text in render(s)] for s in samples]
    order = sorted(range(len(parts)), key=lambda i: len(parts[i][0]) + len(parts[i][1]))
    out = [False] * len(parts)
    for start in range(0, len(order), rows):
        chosen = order[start : start + rows]
        longest = max(len(parts[i][0]) + len(parts[i][1]) for i in chosen)
        ids = torch.full((len(chosen), longest), tokenizer.pad_token_id)
        for row, i in enumerate(chosen):
            prompt, target = parts[i]
            ids[row, : len(prompt) + len(target)] = torch.tensor(prompt + target)
        best = model(ids, use_cache=False).logits.argmax(-1)
        for row, i in enumerate(chosen):
            prompt, target = parts[i]
            out[i] = best[row, len(prompt) - 1 : len(prompt) + len(target) - 1].tolist() == target
    return out


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--export", type=Path, required=True)
    parser.add_argument("--llama", type=Path, required=True)
    parser.add_argument("--kind", default="Q8_0")
    parser.add_argument("--per-family", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1, help="more than one helps only on an idle machine")
    parser.add_argument("--report", type=Path)
    parser.add_argument("--answers", type=Path)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    hf, gguf_py = args.export / "hf", args.llama / "gguf-py"
    tokenizer = AutoTokenizer.from_pretrained(hf)

    def model_of(kind: str):
        return load(hf, None if kind == "HF" else args.export / f"demo-{kind}.gguf", gguf_py)

    model = model_of(args.kind)
    samples = held_out("test", args.per_family, args.seed)
    rights = is_right(model, tokenizer, samples)
    groups: dict[str, list[bool]] = defaultdict(list)
    for sample, good in zip(samples, rights):
        groups[sample.group].append(good)
    missed = [i for i, good in enumerate(rights) if not good]
    shown = random.Random(args.seed).sample(missed, min(len(missed), 60))
    made = answer(model, tokenizer, [render(samples[i])[0] for i in shown])
    wrong = [{"group": samples[i].group, "question": samples[i].turns[-1][1], "turns": len(samples[i].turns),
              "expected": samples[i].answer, "got": tokenizer.decode(ids)} for i, ids in zip(shown, made)]
    right = sum(map(sum, groups.values()))
    for name, hits in sorted(groups.items()):
        print(f"{name:<14} {sum(hits):>5} of {len(hits):<5} {sum(hits) / len(hits):.3f}", flush=True)
    print(f"{'all':<14} {right:>5} of {len(samples):<5} {right / len(samples):.4f}  ({args.kind})")

    if args.report:
        weights = hf / "model.safetensors" if args.kind == "HF" else args.export / f"demo-{args.kind}.gguf"
        train, head = args.export / "train.json", args.export / "mtp.json"
        args.report.parent.mkdir(parents=True, exist_ok=True)
        report = {
            "what": "Greedy answers to held-out wordings; right means exactly equal to the canonical answer.",
            "weights": args.kind,
            "sha256": hashlib.sha256(weights.read_bytes()).hexdigest(),
            "questions": len(samples),
            "right": right,
            "share": round(right / len(samples), 4),
            "groups": {k: {"questions": len(v), "right": sum(v), "share": round(sum(v) / len(v), 4)}
                       for k, v in sorted(groups.items())},
            "samples": [{"group": samples[i].group, "question": samples[i].turns[-1][1], "turns": len(samples[i].turns),
                         "expected": samples[i].answer, "right": rights[i]}
                        for i in sorted(random.Random(args.seed).sample(range(len(samples)), min(60, len(samples))))],
            "wrong": wrong,
            "seed": args.seed,
            "training": json.loads(train.read_text()) if train.exists() else None,
            "draftHead": json.loads(head.read_text()) if head.exists() else None,
            "versions": {"python": platform.python_version(), "torch": torch.__version__,
                         "transformers": transformers.__version__, "tokenizers": tokenizers.__version__},
        }
        args.report.write_text(json.dumps(report, indent=2, ensure_ascii=False) + "\n")
    for item in wrong[:40]:
        print(item)

    if args.answers:
        prompts = [
            tokenizer.apply_chat_template([{"role": "user", "content": q}], tokenize=False, add_generation_prompt=True,
                                          enable_thinking=thinking) for q, thinking in SHOWN
        ]
        kinds = {kind: answer(model_of(kind), tokenizer, prompts, 1) for kind in ("HF", "Q8_0", "Q4_K_M")}
        made = []
        for i, (question, thinking) in enumerate(SHOWN):
            ids = kinds["HF"][i]
            made.append({
                "question": question, "thinking": thinking, "prompt": prompts[i],
                "promptIds": tokenizer(prompts[i], add_special_tokens=False)["input_ids"],
                "answer": tokenizer.decode(ids), "answerIds": ids,
                # Greedy ids from the dequantized weights where quantization changes them, else null.
                "changed": {kind: kinds[kind][i] if kinds[kind][i] != ids else None for kind in ("Q8_0", "Q4_K_M")},
            })
            print(question, "->", made[-1]["answer"], made[-1]["changed"])
        args.answers.parent.mkdir(parents=True, exist_ok=True)
        note = "Greedy answers of transformers in float32 for the float32 weights; written by training/evaluate.py."
        about = {"what": note, "transformers": transformers.__version__, "torch": torch.__version__}
        args.answers.write_text(json.dumps(about | {"answers": made}, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
