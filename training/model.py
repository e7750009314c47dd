"""The demo model: Qwen3.5's text decoder, written lean for training on a CPU.

Same mathematics and the same parameter names as `Qwen3_5ForCausalLM` of HF transformers, so a state dict moves
between the two unchanged (`check_model.py` proves agreement). What is different is speed: sequences here are short,
so the gated delta rule is solved in one chunk that is exactly as long as the sequence, without padding to 64, and
without materialising a recurrent state.

Owns: the forward pass and initialisation. Does not own: generation, training, files.
"""

import math
from dataclasses import asdict, dataclass, field

import torch
import torch.nn.functional as F
from torch import nn


@dataclass
class DemoConfig:
    """Sizes of the demo model. Head sizes are deliberately not those of the released models."""

    vocab_size: int = 4096
    hidden_size: int = 256
    intermediate_size: int = 512
    num_hidden_layers: int = 4
    num_attention_heads: int = 4
    num_key_value_heads: int = 2
    head_dim: int = 64
    linear_num_key_heads: int = 4
    linear_num_value_heads: int = 8
    linear_key_head_dim: int = 32
    linear_value_head_dim: int = 32
    linear_conv_kernel_dim: int = 4
    rms_norm_eps: float = 1e-6
    rope_theta: float = 10000.0
    partial_rotary_factor: float = 0.5
    mrope_section: list[int] = field(default_factory=lambda: [6, 5, 5])
    max_position_embeddings: int = 4096
    full_attention_interval: int = 4

    @property
    def layer_types(self) -> list[str]:
        return [
            "full_attention" if (i + 1) % self.full_attention_interval == 0 else "linear_attention"
            for i in range(self.num_hidden_layers)
        ]

    def to_hf(self) -> dict:
        """Keyword arguments for `Qwen3_5TextConfig`."""
        values = asdict(self)
        for name in ("rope_theta", "partial_rotary_factor", "mrope_section", "full_attention_interval"):
            values.pop(name)
        return values | {
            "layer_types": self.layer_types,
            "tie_word_embeddings": True,
            "partial_rotary_factor": self.partial_rotary_factor,  # also here: a default of 0.25 would be written otherwise
            "rope_parameters": {
                "rope_type": "default",
                "rope_theta": self.rope_theta,
                "partial_rotary_factor": self.partial_rotary_factor,
                "mrope_section": self.mrope_section,
                "mrope_interleaved": True,
            },
        }


class RMSNorm(nn.Module):
    """Zero-centred norm: the stored weight is the distance from one."""

    def __init__(self, dim: int, eps: float):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(dim))
        self.eps = eps

    def forward(self, x):
        return F.rms_norm(x, (x.shape[-1],), 1.0 + self.weight, self.eps)


class GatedRMSNorm(nn.Module):
    """Norm, then plain weight, then the SiLU gate."""

    def __init__(self, dim: int, eps: float):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(dim))
        self.eps = eps

    def forward(self, x, gate):
        return F.rms_norm(x, (x.shape[-1],), self.weight, self.eps) * F.silu(gate)


def l2norm(x, eps: float = 1e-6):
    return x * torch.rsqrt((x * x).sum(dim=-1, keepdim=True) + eps)


def delta_rule(q, k, v, g, beta):
    """Gated delta rule from an empty state, whole sequence as one chunk.

    q, k: [B, Hk, T, Dk], normalised and q scaled; v: [B, Hv, T, Dv]; g (<= 0) and beta: [B, Hv, T].
    With G the running sum of g and Gamma_ij = exp(G_i - G_j) on and below the diagonal, the deltas D solve
    (I + strictly_lower(beta K K^T * Gamma)) D = beta V, and the output is (Q K^T * Gamma) D.
    """
    ratio = v.shape[1] // k.shape[1]
    total = g.cumsum(-1)
    upper = torch.ones(q.shape[2], q.shape[2], dtype=torch.bool).triu(1)
    gamma = (total.unsqueeze(-1) - total.unsqueeze(-2)).masked_fill(upper, float("-inf")).exp()
    kk = (k @ k.transpose(-1, -2)).repeat_interleave(ratio, dim=1)
    qk = (q @ k.transpose(-1, -2)).repeat_interleave(ratio, dim=1)
    system = kk * gamma * beta.unsqueeze(-1)
    # Only the part below the diagonal is read, and the diagonal counts as one.
    deltas = torch.linalg.solve_triangular(system, v * beta.unsqueeze(-1), upper=False, unitriangular=True)
    return (qk * gamma) @ deltas


class GatedDeltaNet(nn.Module):
    def __init__(self, c: DemoConfig):
        super().__init__()
        self.c = c
        self.key_dim = c.linear_num_key_heads * c.linear_key_head_dim
        self.value_dim = c.linear_num_value_heads * c.linear_value_head_dim
        self.conv_dim = 2 * self.key_dim + self.value_dim
        self.conv1d = nn.Conv1d(
            self.conv_dim, self.conv_dim, c.linear_conv_kernel_dim, groups=self.conv_dim, bias=False
        )
        self.dt_bias = nn.Parameter(torch.ones(c.linear_num_value_heads))
        self.A_log = nn.Parameter(torch.empty(c.linear_num_value_heads))
        self.norm = GatedRMSNorm(c.linear_value_head_dim, c.rms_norm_eps)
        self.in_proj_qkv = nn.Linear(c.hidden_size, self.conv_dim, bias=False)
        self.in_proj_z = nn.Linear(c.hidden_size, self.value_dim, bias=False)
        self.in_proj_b = nn.Linear(c.hidden_size, c.linear_num_value_heads, bias=False)
        self.in_proj_a = nn.Linear(c.hidden_size, c.linear_num_value_heads, bias=False)
        self.out_proj = nn.Linear(self.value_dim, c.hidden_size, bias=False)

    def conv(self, x):
        """Causal depthwise convolution over time; the last tap is the current token. x: [B, T, C]."""
        taps = self.conv1d.weight[:, 0, :]
        width = taps.shape[1]
        y = x * taps[:, width - 1]
        for back in range(1, width):
            y = y + F.pad(x, (0, 0, back, 0))[:, : x.shape[1]] * taps[:, width - 1 - back]
        return F.silu(y)

    def forward(self, x):
        c = self.c
        batch, time, _ = x.shape
        mixed = self.conv(self.in_proj_qkv(x).float())
        q, k, v = mixed.split([self.key_dim, self.key_dim, self.value_dim], dim=-1)
        q = l2norm(q.view(batch, time, c.linear_num_key_heads, -1)) * c.linear_key_head_dim**-0.5
        k = l2norm(k.view(batch, time, c.linear_num_key_heads, -1))
        v = v.view(batch, time, c.linear_num_value_heads, -1)
        beta = self.in_proj_b(x).float().sigmoid()
        g = -self.A_log.exp() * F.softplus(self.in_proj_a(x).float() + self.dt_bias)
        with torch.autocast("cpu", enabled=False):
            out = delta_rule(*(t.transpose(1, 2) for t in (q, k, v, g, beta)))
        z = self.in_proj_z(x).float().view(batch, time, c.linear_num_value_heads, -1)
        out = self.norm(out.transpose(1, 2), z)
        return self.out_proj(out.reshape(batch, time, self.value_dim))


class Attention(nn.Module):
    def __init__(self, c: DemoConfig):
        super().__init__()
        self.c = c
        self.q_proj = nn.Linear(c.hidden_size, c.num_attention_heads * 2 * c.head_dim, bias=False)
        self.k_proj = nn.Linear(c.hidden_size, c.num_key_value_heads * c.head_dim, bias=False)
        self.v_proj = nn.Linear(c.hidden_size, c.num_key_value_heads * c.head_dim, bias=False)
        self.o_proj = nn.Linear(c.num_attention_heads * c.head_dim, c.hidden_size, bias=False)
        self.q_norm = RMSNorm(c.head_dim, c.rms_norm_eps)
        self.k_norm = RMSNorm(c.head_dim, c.rms_norm_eps)
        rotary = int(c.head_dim * c.partial_rotary_factor)
        freq = c.rope_theta ** (-torch.arange(0, rotary, 2).float() / rotary)
        angle = torch.outer(torch.arange(c.max_position_embeddings).float(), freq)
        self.register_buffer("cos", angle.cos(), persistent=False)
        self.register_buffer("sin", angle.sin(), persistent=False)

    def rope(self, x):
        """x: [B, T, H, Dh]; rotates pairs (m, m + half) of the first rotary dimensions."""
        time, half = x.shape[1], self.cos.shape[1]
        cos, sin = self.cos[:time, None, :], self.sin[:time, None, :]
        a, b, rest = x.split([half, half, x.shape[-1] - 2 * half], dim=-1)
        return torch.cat([a * cos - b * sin, b * cos + a * sin, rest], dim=-1)

    def forward(self, x):
        c = self.c
        batch, time, _ = x.shape
        q, gate = self.q_proj(x).float().view(batch, time, c.num_attention_heads, 2 * c.head_dim).chunk(2, dim=-1)
        k = self.k_proj(x).float().view(batch, time, c.num_key_value_heads, c.head_dim)
        v = self.v_proj(x).float().view(batch, time, c.num_key_value_heads, c.head_dim)
        q, k = self.rope(self.q_norm(q)), self.rope(self.k_norm(k))
        out = F.scaled_dot_product_attention(
            *(t.transpose(1, 2) for t in (q, k, v)), is_causal=True, enable_gqa=True
        ).transpose(1, 2)
        return self.o_proj((out * gate.sigmoid()).reshape(batch, time, -1))


class MLP(nn.Module):
    def __init__(self, c: DemoConfig):
        super().__init__()
        self.gate_proj = nn.Linear(c.hidden_size, c.intermediate_size, bias=False)
        self.up_proj = nn.Linear(c.hidden_size, c.intermediate_size, bias=False)
        self.down_proj = nn.Linear(c.intermediate_size, c.hidden_size, bias=False)

    def forward(self, x):
        return self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))


class Layer(nn.Module):
    def __init__(self, c: DemoConfig, kind: str):
        super().__init__()
        self.input_layernorm = RMSNorm(c.hidden_size, c.rms_norm_eps)
        self.post_attention_layernorm = RMSNorm(c.hidden_size, c.rms_norm_eps)
        if kind == "linear_attention":
            self.linear_attn = GatedDeltaNet(c)
        else:
            self.self_attn = Attention(c)
        self.mixer = [getattr(self, "linear_attn", None) or self.self_attn]  # a list, so it is registered once
        self.mlp = MLP(c)

    def forward(self, x):
        x = x + self.mixer[0](self.input_layernorm(x))
        return x + self.mlp(self.post_attention_layernorm(x))


class Decoder(nn.Module):
    def __init__(self, c: DemoConfig):
        super().__init__()
        self.embed_tokens = nn.Embedding(c.vocab_size, c.hidden_size)
        self.layers = nn.ModuleList(Layer(c, kind) for kind in c.layer_types)
        self.norm = RMSNorm(c.hidden_size, c.rms_norm_eps)

    def forward(self, ids):
        x = self.embed_tokens(ids)
        for layer in self.layers:
            x = layer(x)
        return self.norm(x)


class DemoModel(nn.Module):
    """`forward` gives final hidden states; `logits` applies the tied head where it is wanted."""

    def __init__(self, c: DemoConfig):
        super().__init__()
        self.config = c
        self.model = Decoder(c)

    def init_weights(self, seed: int):
        """Normal(0, 0.02) matrices, with the matrices that write to the residual stream scaled down by depth."""
        rng = torch.Generator().manual_seed(seed)
        c = self.config
        for name, p in self.named_parameters():
            if name.endswith("A_log"):
                # Decays from almost none to about half a token, so that some heads remember whole conversations.
                p.data.copy_(torch.linspace(math.log(0.02), math.log(4.0), p.numel()))
            elif name.endswith("dt_bias"):
                p.data.fill_(-1.0)
            elif name.endswith("conv1d.weight"):
                p.data.normal_(0, 0.1, generator=rng)
                p.data[:, 0, -1] += 1.0
            elif p.dim() == 2:
                p.data.normal_(0, 0.02 if "embed" in name else c.hidden_size**-0.5 * 0.6, generator=rng)
                if name.endswith(("out_proj.weight", "o_proj.weight", "down_proj.weight")):
                    p.data.mul_((2 * c.num_hidden_layers) ** -0.5)
        return self

    def forward(self, ids):
        return self.model(ids)

    def logits(self, hidden):
        return F.linear(hidden, self.model.embed_tokens.weight)
