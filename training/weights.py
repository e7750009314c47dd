"""Reads a GGUF file of the demo model back under the names of transformers, so that evaluation and the training of the draft head run on
the very file that ships.

Owns: undoing what the official converter does (norm offset, decay sign, order of the value heads).
"""

import sys
from pathlib import Path

import torch
from transformers import Qwen3_5ForCausalLM

NAMES = {
    "attn_norm.weight": "input_layernorm.weight", "post_attention_norm.weight": "post_attention_layernorm.weight",
    "attn_qkv.weight": "linear_attn.in_proj_qkv.weight", "attn_gate.weight": "linear_attn.in_proj_z.weight",
    "ssm_conv1d.weight": "linear_attn.conv1d.weight", "ssm_dt.bias": "linear_attn.dt_bias", "ssm_a": "linear_attn.A_log",
    "ssm_beta.weight": "linear_attn.in_proj_b.weight", "ssm_alpha.weight": "linear_attn.in_proj_a.weight",
    "ssm_norm.weight": "linear_attn.norm.weight", "ssm_out.weight": "linear_attn.out_proj.weight",
    "attn_q.weight": "self_attn.q_proj.weight", "attn_k.weight": "self_attn.k_proj.weight",
    "attn_v.weight": "self_attn.v_proj.weight", "attn_output.weight": "self_attn.o_proj.weight",
    "attn_q_norm.weight": "self_attn.q_norm.weight", "attn_k_norm.weight": "self_attn.k_norm.weight",
    "ffn_gate.weight": "mlp.gate_proj.weight", "ffn_up.weight": "mlp.up_proj.weight", "ffn_down.weight": "mlp.down_proj.weight",
}
ADD_ONE = ("input_layernorm.weight", "post_attention_layernorm.weight", "q_norm.weight", "k_norm.weight", "model.norm.weight")


def load(hf_dir: Path, gguf_file: Path | None, gguf_py: Path | None):
    """The model of `hf_dir` in float32, with the dequantized weights of `gguf_file` if one is given."""
    model = Qwen3_5ForCausalLM.from_pretrained(hf_dir, dtype=torch.float32).eval()
    if gguf_file is None:
        return model
    state = trunk(gguf_file, gguf_py, model.config)
    state["lm_head.weight"] = state["model.embed_tokens.weight"]
    model.load_state_dict(state)
    return model


def trunk(gguf_file: Path, gguf_py: Path, c) -> dict:
    """State dict of the decoder, dequantized, without the draft head. `c` has the sizes."""
    sys.path.insert(0, str(gguf_py))
    from gguf import GGUFReader
    from gguf.quants import dequantize

    state = {}
    for tensor in GGUFReader(gguf_file).tensors:
        value = torch.from_numpy(dequantize(tensor.data, tensor.tensor_type).copy()).float()
        if tensor.name == "token_embd.weight":
            state["model.embed_tokens.weight"] = value
            continue
        if tensor.name == "output_norm.weight":
            name = "model.norm.weight"
        else:
            _, block, rest = tensor.name.split(".", 2)
            if int(block) >= c.num_hidden_layers:
                continue
            name = f"model.layers.{block}.{NAMES[rest]}"
        if name.endswith(ADD_ONE):
            value = value - 1
        if "linear_attn" in name and "linear_attn.norm" not in name:
            value = grouped(name, value, c)
        state[name] = value.unsqueeze(1) if name.endswith("conv1d.weight") else value
    return state


def grouped(name: str, value, c):
    """From tiled order of value heads (slot i * Hk + kh) back to grouped order (head kh * r + i)."""
    hk, hv = c.linear_num_key_heads, c.linear_num_value_heads
    ratio, width = hv // hk, c.linear_value_head_dim
    order = torch.tensor([(h % ratio) * hk + h // ratio for h in range(hv)])
    wide = (order[:, None] * width + torch.arange(width)).flatten()
    keys = 2 * hk * c.linear_key_head_dim
    if name.endswith("A_log"):
        return (-value[order]).log()
    if name.endswith(("dt_bias", "in_proj_a.weight", "in_proj_b.weight")):
        return value[order]
    if name.endswith("in_proj_z.weight"):
        return value[wide]
    if name.endswith(("in_proj_qkv.weight", "conv1d.weight")):
        return torch.cat([value[:keys], value[keys:][wide]])
    assert name.endswith("out_proj.weight"), name
    return value[:, wide]
