"""Trains the demo model on the CPU within a budget of wall time.

    python train.py --tokenizer DIR --out DIR --minutes 55 [--seed 0]

The learning rate follows elapsed time, not steps, so that the run always ends well on a busy machine. Everything else
(samples, initial weights) depends on the seed only; how many steps fit, and so the exact weights, depends on the machine.

Owns: optimisation, checkpoints, the log. Does not own: the model (`model.py`), the data (`corpus.py`), the final report
(`evaluate.py`).
"""

import argparse
import json
import random
import time
from collections import defaultdict
from dataclasses import asdict
from pathlib import Path

import torch
import torch._inductor.config
import torch.multiprocessing as mp
import torch.nn.functional as F
from tokenizers import Tokenizer

from corpus import Corpus, encode, held_out, normal
from model import DemoConfig, DemoModel


class Muon:
    """Momentum whose update is made orthogonal by a Newton-Schulz iteration (K. Jordan and others, 2024), for the
    matrices of the layers."""

    def __init__(self, parameters, momentum=0.95):
        self.momentum = momentum
        self.buffers = [(p, torch.zeros_like(p)) for p in parameters]

    @torch.no_grad()
    def step(self, gradient, lr: float, decay: float) -> None:
        for p, buffer in self.buffers:
            grad = gradient(p)
            buffer.lerp_(grad, 1 - self.momentum)
            scale = max(1.0, p.shape[0] / p.shape[1]) ** 0.5
            p.mul_(1 - lr * decay).add_(orthogonal(grad.lerp(buffer, self.momentum)), alpha=-lr * scale)


def orthogonal(x, steps: int = 5):
    """Nearest semi-orthogonal matrix, roughly: a quintic iteration that drives singular values towards one."""
    tall = x.shape[0] > x.shape[1]
    x = (x.T if tall else x).bfloat16()
    x = x / (x.norm() + 1e-7)
    for _ in range(steps):
        a = x @ x.T
        x = torch.addmm(x, torch.addmm(a, a, a, beta=-4.7750, alpha=2.0315), x, beta=3.4445)
    return (x.T if tall else x).float()


def batches(items, budget: int, rng: random.Random):
    """Groups (ids, learned, ...) by length so that rows * longest <= budget, then shuffles the groups."""
    items = sorted(items, key=lambda item: len(item[0]) + rng.random())
    made, current = [], []
    for item in items:
        if current and (len(current) + 1) * len(item[0]) > budget:
            made.append(current)
            current = []
        current.append(item)
    made.append(current)
    rng.shuffle(made)
    return made


def tensors(batch, pad: int):
    """ids [B, T] padded on the right (harmless: the model is causal), and flat indices of the learned positions."""
    longest = max(len(ids) for ids, *_ in batch)
    ids = torch.full((len(batch), longest), pad)
    where = []
    for row, (tokens, learned, *_) in enumerate(batch):
        ids[row, : len(tokens)] = torch.tensor(tokens)
        where += [row * longest + position for position in learned]
    return ids, torch.tensor(where)


def forward(model, ids, where):
    with torch.autocast("cpu", dtype=torch.bfloat16):
        hidden = model(ids).flatten(0, 1)[where]
        return model.logits(hidden).float()


def right(batch, hits) -> list[bool]:
    """For each row: was every token of its last answer predicted?"""
    out = []
    start = 0
    for tokens, learned, *_ in batch:
        end = start + len(learned)
        last = end - 1
        while last > start and learned[last - start - 1] == learned[last - start] - 1:
            last -= 1
        out.append(bool(hits[last:end].all()))
        start = end
    return out


@torch.no_grad()
def watch(model, items, pad: int, budget: int, out) -> None:
    """Counts answers per group, teacher forced: right exactly when greedy decoding gives the same answer.
    out: [groups, 2], questions and right answers."""
    out.zero_()
    for batch in batches(items, budget, random.Random(0)):
        ids, where = tensors(batch, pad)
        hits = forward(model, ids, where).argmax(-1) == ids.flatten()[where + 1]
        for item, good in zip(batch, right(batch, hits)):
            out[item[2], 0] += 1
            out[item[2], 1] += good


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--tokenizer", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=55)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--tokens", type=int, default=2048, help="tokens in a step of one worker, padding included")
    parser.add_argument("--workers", type=int, default=2, help="processes of one thread each")
    parser.add_argument("--watch-every", type=float, default=4, help="minutes between evaluations and checkpoints")
    parser.add_argument("--matrix-rate", type=float, default=0.02)
    parser.add_argument("--rate", type=float, default=0.003)
    parser.add_argument("--resume", type=Path, help="checkpoint of an earlier run to go on from, with a fresh clock")
    return parser.parse_args()


def main() -> None:
    args = arguments()
    args.out.mkdir(parents=True, exist_ok=True)
    tokenizer = Tokenizer.from_file(str(args.tokenizer / "tokenizer.json"))
    config = DemoConfig(vocab_size=tokenizer.get_vocab_size())
    model = DemoModel(config).init_weights(args.seed)
    if args.resume:
        model.load_state_dict(torch.load(args.resume, weights_only=False)["state"])
    print("parameters", sum(p.numel() for p in model.parameters()), flush=True)
    # Weights and gradients live in shared memory: a step is two barriers, and each worker updates its part.
    model.share_memory()
    grads = [[torch.zeros_like(p).share_memory_() for p in model.parameters()] for _ in range(args.workers)]
    held = held_out("dev", 20, args.seed)
    groups = sorted({s.group for s in held})
    shared = {
        "score": torch.zeros(args.workers, len(groups), 2).share_memory_(),
        "done": torch.zeros(1, dtype=torch.bool).share_memory_(),
        "watch": torch.zeros(1, dtype=torch.bool).share_memory_(),
        "count": torch.zeros(args.workers, 3, dtype=torch.long).share_memory_(),  # tokens, samples, held-out seen
        "distinct": torch.zeros(args.workers, dtype=torch.long).share_memory_(),
    }
    dev = [(*encode(s, tokenizer), groups.index(s.group)) for s in held]
    context = mp.get_context("fork")
    barrier = context.Barrier(args.workers)
    packed = (args, config, model, grads, shared, groups, dev, barrier)
    others = [context.Process(target=worker, args=(rank, *packed)) for rank in range(1, args.workers)]
    for process in others:
        process.start()
    worker(0, *packed)
    for process in others:
        process.join()


def worker(rank, args, config, model, grads, shared, groups, dev, barrier) -> None:
    torch.set_num_threads(1)
    tokenizer = Tokenizer.from_file(str(args.tokenizer / "tokenizer.json"))
    pad = tokenizer.token_to_id("<|endoftext|>")
    for layer in model.model.layers:
        layer.compile(dynamic=True)
    parameters = list(model.parameters())
    index = {id(p): i for i, p in enumerate(parameters)}
    for p, grad in zip(parameters, grads[rank]):
        p.grad = grad

    def gradient(p):
        return sum(grads[r][index[id(p)]] for r in range(args.workers)) / args.workers

    matrices = [p for n, p in model.named_parameters() if p.dim() == 2 and "layers" in n and min(p.shape) >= 64]
    chosen = {id(p) for p in matrices}
    mine = [p for p in parameters if id(p) not in chosen][rank :: args.workers]
    # The optimiser of the rest has stand-ins that share the weights' memory but carry the mean gradient.
    twins = [torch.nn.Parameter(p.data) for p in mine]
    muon = Muon(sorted(matrices, key=lambda p: p.numel())[rank :: args.workers])
    adam = torch.optim.AdamW(twins, lr=args.rate, betas=(0.9, 0.98), weight_decay=0.0, fused=True)

    # What an earlier run has done is carried in the log, and its stream of samples is not repeated.
    earlier = torch.load(args.resume, weights_only=False)["log"]["runs"] if args.resume else []
    corpus = Corpus(args.seed * 1000 + len(earlier) * 100 + rank)
    base = dict(corpus.weights)
    error = {name: 1.0 for name in base}
    seen: set[str] = set()
    held_texts = {normal(s.turns[-1][1]) for split in ("dev", "test") for s in held_out(split, 60, args.seed)}

    # Compile before the clock starts: forward with and without gradients. The first worker compiles, the others find
    # its kernels in the cache. Compiled code has the number of threads inside, so that is set and never inherited.
    torch._inductor.config.cpp.threads = 1
    if rank > 0:
        barrier.wait()
    began = time.time()
    ids, where = tensors(dev[:40], pad)
    with torch.no_grad():
        forward(model, ids, where)
    forward(model, ids, where).sum().backward()
    for grad in grads[rank]:
        grad.zero_()
    print(f"worker {rank} ready after {time.time() - began:.0f} s", flush=True)
    if rank == 0:
        barrier.wait()
    barrier.wait()
    started = last_watch = time.time()
    step = 0
    loss_mean = hit_mean = 0.0

    def scores():
        watch(model, dev[rank :: args.workers], pad, 4 * args.tokens, shared["score"][rank])
        barrier.wait()
        total = shared["score"].sum(0)
        share = (total[:, 1].sum() / total[:, 0].sum()).item()
        return share, {name: (total[i, 1] / total[i, 0]).item() for i, name in enumerate(groups)}

    def stream():
        while True:
            pool = []
            for _ in range(4096):
                sample = corpus.sample()
                seen.add(normal(sample.turns[-1][1]))
                pool.append((*encode(sample, tokenizer), sample.family))
            yield from batches(pool, args.tokens, corpus.rng)

    for batch in stream():
        progress = (time.time() - started) / (60 * args.minutes)
        rate = max(0.0, min(1.0, (step + 1) / 100, (1 - progress) / 0.5))
        ids, where = tensors(batch, pad)
        logits = forward(model, ids, where)
        target = ids.flatten()[where + 1]
        loss = F.cross_entropy(logits, target)
        loss.backward()
        if rank == 0:
            shared["done"][0] = progress >= 1
            shared["watch"][0] = time.time() - last_watch > 60 * args.watch_every
        barrier.wait()
        for twin, p in zip(twins, mine):
            twin.grad = gradient(p)
        for group in adam.param_groups:
            group["lr"] = args.rate * rate
        adam.step()
        muon.step(gradient, args.matrix_rate * rate, 0.01)
        barrier.wait()
        for grad in grads[rank]:
            grad.zero_()

        good = right(batch, logits.detach().argmax(-1) == target)
        for item, ok in zip(batch, good):
            error[item[2]] += 0.01 * ((not ok) - error[item[2]])
        step += 1
        shared["count"][rank] += torch.tensor([sum(len(i) for i, *_ in batch), len(batch), 0])
        loss_mean += max(0.02, 1 / step) * (loss.item() - loss_mean)
        hit_mean += max(0.02, 1 / step) * (sum(good) / len(good) - hit_mean)
        if step % 50 == 0:
            # More of what is still answered wrong; never less than a quarter of the planned share.
            corpus.weights = {name: base[name] * (0.25 + 1.5 * error[name]) for name in base}
            if rank == 0:
                spent = time.time() - started
                tokens, samples, _ = shared["count"].sum(0).tolist()
                print(f"step {step} {spent / 60:.1f} min loss {loss_mean:.4f} right {hit_mean:.3f} rate {rate:.2f} "
                      f"samples {samples} tok/s {tokens / spent:.0f}", flush=True)
        done, due = bool(shared["done"][0]), bool(shared["watch"][0])
        if not (done or due):
            continue
        last_watch = time.time()
        shared["count"][rank, 2] = len(held_texts & seen)
        shared["distinct"][rank] = len(seen)
        share, by_group = scores()
        if rank == 0:
            tokens, samples, overlap = shared["count"].sum(0).tolist()
            run = {"steps": step, "samples": samples, "tokens": tokens, "minutes": round((time.time() - started) / 60, 1),
                   "plannedMinutes": args.minutes, "distinctQuestions": int(shared["distinct"].sum()), "heldOutSeen": overlap}
            log = {"loss": loss_mean, "dev": {"share": share, "groups": by_group}, "runs": [*earlier, run], "seed": args.seed,
                   "workers": args.workers, "tokensPerStep": args.tokens * args.workers, "torch": torch.__version__}
            print(f"  held-out (dev) {share:.3f} " + " ".join(f"{k} {v:.2f}" for k, v in by_group.items()), flush=True)
            print("  error " + " ".join(f"{k} {v:.2f}" for k, v in sorted(error.items(), key=lambda e: -e[1])[:12]), flush=True)
            stored = {"state": model.state_dict(), "config": asdict(config), "log": log}
            torch.save(stored, args.out / ("final.pt" if done else "last.pt"))
            (args.out / "train.json").write_text(json.dumps(log, indent=2) + "\n")
        barrier.wait()
        if done:
            return


if __name__ == "__main__":
    main()
