"""Trains a draft head for the demo model that ships, and puts it into the file.

    python train_mtp.py ../packages/demo-model/model/demo-Q8_0.gguf --out DIR --llama LLAMA_CPP --libs LLAMA_LIBS [--minutes 12] [--seed 0]

The trunk stays as it is in the file, dequantized: the head learns to guess what the trunk will choose, not what the corpus says. The
official converter and quantizer turn the whole into GGUF; from their result the blocks of the head are taken, and put behind the
file's own tensors, which stay the same bytes. Result: OUT/demo-Q8_0.gguf, OUT/mtp.json.

Owns: optimisation of the head, acceptance on held-out wordings, assembly. Does not own: the head's formulas (`mtp.py`), the data.
"""

import argparse
import json
import random
import subprocess
import sys
import time
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import save_file

from corpus import Corpus, encode, held_out
from export import write_config
from model import DemoConfig, DemoModel
from mtp import DraftHead, shifted
from tokenizer import from_gguf
from train import Muon, batches, tensors
from weights import trunk

SCRIPTS = Path(__file__).parent.parent / "fixtures" / "scripts"
DEPTH = 3  # guesses in a chain
WEIGHTS = (1.0, 0.7, 0.5)


def chain(model, head, ids, hidden):
    """Yields the rows of each guess: row t of the n-th, from 0, stands at token t + n and guesses the one after it."""
    embedded = model.model.embed_tokens(ids)
    rows = shifted(hidden)
    for n in range(DEPTH):
        rows = head(embedded[:, n:], rows)
        yield rows
        rows = rows[:, :-1]


def targets(ids, learned_where, best, n, width):
    """Flat rows of the n-th guess whose target the trunk chooses inside an answer, and those targets."""
    rows, columns = learned_where // width, learned_where % width
    inside = columns - 1 - n >= 0
    rows, columns = rows[inside], columns[inside]
    # The token after position `columns` is guessed by the head at token `columns`: row columns - n of the n-th guess.
    return rows * (width - n) + columns - n, best[inside]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("file", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--llama", type=Path, required=True)
    parser.add_argument("--libs", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=12)
    parser.add_argument("--tokens", type=int, default=1024)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    gguf_py = args.llama / "gguf-py"
    c = DemoConfig()
    model = DemoModel(c)
    model.load_state_dict(trunk(args.file, gguf_py, c))
    model.requires_grad_(False).eval()
    from gguf import GGUFReader

    reader = GGUFReader(args.file)
    tokenizer = from_gguf(reader.fields)
    pad = tokenizer.token_to_id("<|endoftext|>")

    head = DraftHead(c)
    rng = torch.Generator().manual_seed(args.seed)
    for name, p in head.named_parameters():
        if p.dim() == 2:
            p.data.normal_(0, 0.6 * p.shape[1] ** -0.5, generator=rng)
    # Begins as the trunk's last layer and norm, which know how to read and write these rows.
    last = c.num_hidden_layers - 1
    head.layers[0].load_state_dict(model.model.layers[last].state_dict())
    head.norm.load_state_dict(model.model.norm.state_dict())
    matrices = [p for p in head.parameters() if p.dim() == 2]
    vectors = [p for p in head.parameters() if p.dim() != 2]
    muon, adam = Muon(matrices), torch.optim.AdamW(vectors, lr=0, betas=(0.9, 0.95), weight_decay=0)

    dev = [(*encode(s, tokenizer), s.family) for s in held_out("dev", 12, args.seed)]

    def passed(batch):
        ids, where = tensors(batch, pad)
        with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
            hidden = model(ids).float()
            logits = model.logits(hidden.flatten(0, 1)[where]).float()
        return ids, where, hidden, logits

    @torch.no_grad()
    def acceptance() -> list[float]:
        """For each guess of a chain: how often it is what the trunk chooses in an answer, teacher forced."""
        hits, all_ = [0] * DEPTH, [0] * DEPTH
        for batch in batches(dev, 4 * args.tokens, random.Random(0)):
            ids, where, hidden, logits = passed(batch)
            for n, rows in enumerate(chain(model, head, ids, hidden)):
                at, best = targets(ids, where, logits.argmax(-1), n, ids.shape[1])
                guess = model.logits(rows.flatten(0, 1)[at]).argmax(-1)
                hits[n] += int((guess == best).sum())
                all_[n] += len(best)
        return [hit / count for hit, count in zip(hits, all_)]

    corpus = Corpus(args.seed + 500)

    def stream():
        while True:
            pool = [(*encode(s, tokenizer), s.family) for s in (corpus.sample() for _ in range(1024))]
            yield from batches(pool, args.tokens, corpus.rng)

    started = time.time()
    step, seen, mean = 0, 0, [0.0] * DEPTH
    for batch in stream():
        progress = (time.time() - started) / (60 * args.minutes)
        if progress >= 1:
            break
        rate = max(0.0, min(1.0, (step + 1) / 50, (1 - progress) / 0.6))
        ids, where, hidden, logits = passed(batch)
        loss = torch.zeros(())
        with torch.autocast("cpu", dtype=torch.bfloat16):
            made = list(chain(model, head, ids, hidden))
        for n, rows in enumerate(made):
            at, best = targets(ids, where, logits, n, ids.shape[1])
            with torch.autocast("cpu", dtype=torch.bfloat16):
                guess = model.logits(rows.flatten(0, 1)[at]).float()
            part = F.cross_entropy(guess, best.softmax(-1))
            mean[n] += max(0.02, 1 / (step + 1)) * (part.item() - mean[n])
            loss = loss + WEIGHTS[n] * part
        loss.backward()
        for group in adam.param_groups:
            group["lr"] = 2e-3 * rate
        adam.step()
        muon.step(lambda p: p.grad, 0.01 * rate, 0.01)
        head.zero_grad(set_to_none=False)
        step += 1
        seen += sum(len(i) for i, *_ in batch)
        if step % 200 == 0:
            print(f"step {step} {(time.time() - started) / 60:.1f} min loss {' '.join(f'{m:.3f}' for m in mean)} "
                  f"accepted {' '.join(f'{a:.3f}' for a in acceptance())}", flush=True)
    log = {"what": "Share of guesses that the trunk chooses, by place in the chain; answers of held-out wordings (dev), teacher forced.",
           "acceptance": [round(a, 4) for a in acceptance()], "steps": step, "tokens": seen, "minutes": args.minutes,
           "parameters": sum(p.numel() for p in head.parameters()), "seed": args.seed, "torch": torch.__version__}
    print(json.dumps(log, indent=2), flush=True)
    args.out.mkdir(parents=True, exist_ok=True)
    torch.save(head.state_dict(), args.out / "mtp.pt")
    (args.out / "mtp.json").write_text(json.dumps(log, indent=2) + "\n")
    assemble(args, model, head, c, tokenizer)


def assemble(args, model, head, c: DemoConfig, tokenizer) -> None:
    """The official converter and quantizer on trunk and head; then their head behind the tensors of the file."""
    hf, full, whole = args.out / "hf", args.out / "whole-F32.gguf", args.out / "whole-Q8_0.gguf"
    write_config(hf, c, tokenizer, mtp_num_hidden_layers=1)
    state = {**model.state_dict(), **{f"mtp.{name}": value for name, value in head.state_dict().items()}}
    save_file({name: value.contiguous() for name, value in state.items()}, hf / "model.safetensors", {"format": "pt"})
    run = [sys.executable, SCRIPTS / "hf_to_gguf.py", hf, full, "--llama", args.llama, "--outtype", "f32", "--mtp"]
    subprocess.run([*map(str, run), "--", "--model-name", "fak demo"], check=True)
    run = [sys.executable, SCRIPTS / "quantize.py", full, whole, "Q8_0", "--libs", args.libs, "--threads", 1]
    subprocess.run([*map(str, run)], check=True)
    splice(args.file, whole, args.out / "demo-Q8_0.gguf", c.num_hidden_layers)


def splice(old: Path, whole: Path, out: Path, block: int) -> None:
    """Writes the metadata and tensors of `old`, and what `whole` has more: the keys of the head and its block."""
    from gguf import GGUFReader, GGUFValueType, GGUFWriter

    ours, theirs = GGUFReader(old), GGUFReader(whole)
    writer = GGUFWriter(out, "qwen35")
    changed = {f"qwen35.{key}" for key in ("block_count", "nextn_predict_layers", "attention.recurrent_layers")}
    for key in [*ours.fields, *(key for key in theirs.fields if key in changed and key not in ours.fields)]:
        if key.startswith("GGUF.") or key == "general.architecture":
            continue
        field = (theirs if key in changed else ours).fields[key]
        kind = field.types[0]
        writer.add_key_value(key, field.contents(), kind, field.types[-1] if kind == GGUFValueType.ARRAY else None)
    added = [t for t in theirs.tensors if t.name.startswith(f"blk.{block}.")]
    for tensor in [*(t for t in ours.tensors if not t.name.startswith(f"blk.{block}.")), *added]:
        writer.add_tensor(tensor.name, tensor.data, raw_dtype=tensor.tensor_type)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    before, after = ({t.name: t for t in GGUFReader(f).tensors} for f in (old, out))
    for name, tensor in before.items():
        if not name.startswith(f"blk.{block}."):
            assert tensor.data.tobytes() == after[name].data.tobytes(), name
    print(f"{out}: {out.stat().st_size} bytes; {len(added)} tensors of the head, {len(after) - len(added)} as they were")


if __name__ == "__main__":
    main()
