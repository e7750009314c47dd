"""Writes a checkpoint as a Hugging Face directory and, through the official tools, as GGUF.

    python export.py CHECKPOINT.pt --tokenizer DIR --out DIR --llama LLAMA_CPP_DIR --libs LLAMA_LIBRARY_DIR

Result in OUT: hf/ (config.json, model.safetensors float32, tokenizer and template), demo-F32.gguf, demo-Q8_0.gguf,
demo-Q4_K_M.gguf. `fixtures/README.md` says how to get the llama.cpp sources and libraries.

Owns: which files, names and metadata are written. The conversion is the official converter's, the quantization the
official quantizer's.
"""

import argparse
import shutil
import subprocess
import sys
from pathlib import Path

import torch
from tokenizers import Tokenizer
from transformers import GenerationConfig, Qwen3_5ForCausalLM, Qwen3_5TextConfig

from model import DemoConfig
from tokenizer import save as save_tokenizer

SCRIPTS = Path(__file__).parent.parent / "fixtures" / "scripts"

# Read by the converter from the card beside the weights, and written into general.* of the GGUF file.
CARD = """---
license: mit
language: [en]
model_name: fak demo
pipeline_tag: text-generation
tags: [qwen3_5, demo]
---
"""


def write_config(out: Path, config: DemoConfig, tokenizer: Tokenizer, **more) -> Qwen3_5TextConfig:
    """Everything of a Hugging Face directory but the weights. more: further keys of the configuration."""
    end, stop = tokenizer.token_to_id("<|im_end|>"), tokenizer.token_to_id("<|endoftext|>")
    hf = Qwen3_5TextConfig(**config.to_hf(), eos_token_id=stop, pad_token_id=stop, dtype="float32", architectures=["Qwen3_5ForCausalLM"], **more)
    shutil.rmtree(out, ignore_errors=True)
    hf.save_pretrained(out)
    GenerationConfig(eos_token_id=[end, stop], pad_token_id=stop, do_sample=False).save_pretrained(out)
    template = (Path(__file__).parent / "chat_template.jinja").read_text()
    save_tokenizer(tokenizer, out, template)
    (out / "chat_template.jinja").write_text(template)
    (out / "README.md").write_text(CARD)
    return hf


def write_hf(checkpoint: Path, tokenizer_dir: Path, out: Path) -> None:
    stored = torch.load(checkpoint, weights_only=False)
    tokenizer = Tokenizer.from_file(str(tokenizer_dir / "tokenizer.json"))
    model = Qwen3_5ForCausalLM(write_config(out, DemoConfig(**stored["config"]), tokenizer))
    model.load_state_dict(stored["state"], strict=False)
    model.tie_weights()
    generation = GenerationConfig.from_pretrained(out)
    model.generation_config = generation
    model.save_pretrained(out)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--tokenizer", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--llama", type=Path, required=True)
    parser.add_argument("--libs", type=Path, required=True)
    args = parser.parse_args()
    hf, full = args.out / "hf", args.out / "demo-F32.gguf"
    write_hf(args.checkpoint, args.tokenizer, hf)
    run = [sys.executable, SCRIPTS / "hf_to_gguf.py", hf, full, "--llama", args.llama, "--outtype", "f32"]
    subprocess.run([*map(str, run), "--", "--model-name", "fak demo"], check=True)
    for kind in ("Q8_0", "Q4_K_M"):
        out = args.out / f"demo-{kind}.gguf"
        run = [sys.executable, SCRIPTS / "quantize.py", full, out, kind, "--libs", args.libs, "--threads", 2]
        subprocess.run([*map(str, run)], check=True)
    for path in sorted(args.out.rglob("*")):
        if path.is_file():
            print(f"{path.stat().st_size:>10} {path}")


if __name__ == "__main__":
    main()
