"""The draft head of the demo model: from the trunk's hidden row and the next token, a guess at the token after that.

The multi-token prediction module of Qwen3.5 in the names of its checkpoints (`mtp.*`), by the formulas of vLLM's `qwen3_5_mtp.py` and
llama.cpp v0.5.0's `graph_mtp`: the hidden row is the trunk's after its last norm, the embedding half of `fc` comes first, and what
goes into the next guess of a chain is the row after the head's own last norm.

Owns: the forward pass. Does not own: training (`train_mtp.py`).
"""

import torch
import torch.nn.functional as F
from torch import nn

from model import DemoConfig, Layer, RMSNorm


class DraftHead(nn.Module):
    def __init__(self, c: DemoConfig):
        super().__init__()
        self.fc = nn.Linear(2 * c.hidden_size, c.hidden_size, bias=False)
        self.pre_fc_norm_embedding = RMSNorm(c.hidden_size, c.rms_norm_eps)
        self.pre_fc_norm_hidden = RMSNorm(c.hidden_size, c.rms_norm_eps)
        self.layers = nn.ModuleList([Layer(c, "full_attention")])
        self.norm = RMSNorm(c.hidden_size, c.rms_norm_eps)

    def forward(self, embedded, hidden):
        """embedded [B, T, d]: of tokens 0 .. T-1; hidden [B, T, d]: row t stands before token t. Row t of the result guesses token t + 1."""
        x = self.fc(torch.cat([self.pre_fc_norm_embedding(embedded), self.pre_fc_norm_hidden(hidden)], dim=-1))
        return self.norm(self.layers[0](x))


def shifted(hidden):
    """Row t becomes what stands before token t: that of token t - 1, and zeros before the first."""
    return F.pad(hidden, (0, 0, 1, 0))[:, :-1]
