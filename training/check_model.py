"""Proves that `model.py` is `Qwen3_5ForCausalLM` of transformers: same state dict, same logits in float32.

    python check_model.py [CHECKPOINT.pt]

Without a checkpoint it uses random weights in which every parameter is disturbed, so that a wrong use shows.
"""

import sys

import torch
from transformers import Qwen3_5ForCausalLM, Qwen3_5TextConfig

from model import DemoConfig, DemoModel


def main() -> None:
    torch.manual_seed(3)
    torch.set_num_threads(1)
    if len(sys.argv) > 1:
        stored = torch.load(sys.argv[1], weights_only=False)
        config = DemoConfig(**stored["config"])
        ours = DemoModel(config)
        ours.load_state_dict(stored["state"])
    else:
        config = DemoConfig(vocab_size=500)
        ours = DemoModel(config).init_weights(3)
        for p in ours.parameters():
            p.data.add_(torch.randn_like(p) * 0.05)
    theirs = Qwen3_5ForCausalLM(Qwen3_5TextConfig(**config.to_hf()))
    missing, unexpected = theirs.load_state_dict(ours.state_dict(), strict=False)
    assert unexpected == [] and missing == ["lm_head.weight"], (missing, unexpected)
    theirs.tie_weights()
    ours.eval()
    theirs.eval()
    worst = 0.0
    with torch.no_grad():
        for batch, length in ((1, 1), (1, 3), (3, 17), (2, 64), (2, 65), (1, 150)):
            ids = torch.randint(0, config.vocab_size, (batch, length))
            expected = theirs(ids).logits
            difference = (ours.logits(ours(ids)) - expected).abs().max().item()
            print(f"{batch} x {length}: max difference {difference:.2e}, logits rms {expected.pow(2).mean().sqrt():.3f}")
            worst = max(worst, difference)
    assert worst < 1e-4, worst
    print(f"agrees with transformers, max difference {worst:.2e}")


if __name__ == "__main__":
    main()
