"""Checks that transformers loads our tokenizer unchanged and that our template renders what training used.

    python check_template.py TOKENIZER_DIR
"""

import sys

from tokenizers import Tokenizer
from transformers import AutoTokenizer

from corpus import Corpus, encode, render

path = sys.argv[1]
hf = AutoTokenizer.from_pretrained(path)
raw = Tokenizer.from_file(f"{path}/tokenizer.json")
corpus = Corpus(77)
for _ in range(2000):
    sample = corpus.sample()
    prompt, target = render(sample)
    messages = [{"role": role, "content": content} for role, content in sample.turns]
    thinking = sample.thought is not None
    got = hf.apply_chat_template(messages, tokenize=False, add_generation_prompt=True, enable_thinking=thinking)
    assert got == prompt, (got, prompt)
    if not thinking:
        assert hf.apply_chat_template(messages, tokenize=False, add_generation_prompt=True) == prompt
    ids = raw.encode(prompt + target, add_special_tokens=False).ids
    assert ids == hf(prompt + target, add_special_tokens=False)["input_ids"]
    # Training joins prompt and target after encoding each; the border must not merge.
    assert ids == [*raw.encode(prompt, add_special_tokens=False).ids, *raw.encode(target, add_special_tokens=False).ids]
    assert ids == encode(sample, raw)[0]
    assert raw.decode(ids, skip_special_tokens=False) == prompt + target

tool = {"type": "function", "function": {"name": "add", "parameters": {"type": "object"}}}
call = {"role": "assistant", "content": "", "tool_calls": [{"function": {"name": "add", "arguments": {"x": 1, "y": [2, 3]}}}]}
messages = [
    {"role": "system", "content": "Be kind."},
    {"role": "user", "content": "Add."},
    call,
    {"role": "tool", "content": "3"},
    {"role": "tool", "content": "4"},
]
text = hf.apply_chat_template(messages, tools=[tool], tokenize=False, add_generation_prompt=True)
assert text.endswith(
    "<|im_end|>\n<|im_start|>user\nAdd.<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n<tool_call>\n<function=add>\n"
    "<parameter=x>\n1\n</parameter>\n<parameter=y>\n[2, 3]\n</parameter>\n</function>\n</tool_call><|im_end|>\n"
    "<|im_start|>user\n<tool_response>\n3\n</tool_response>\n<tool_response>\n4\n</tool_response><|im_end|>\n"
    "<|im_start|>assistant\n<think>\n\n</think>\n\n"
), text
for bad in ([{"role": "developer", "content": "x"}, {"role": "user", "content": "y"}], [{"role": "system", "content": "x"}],
            [{"role": "user", "content": "y"}, {"role": "system", "content": "x"}], []):
    try:
        hf.apply_chat_template(bad, tokenize=False)
    except Exception:  # the class differs between Jinja2 and transformers
        continue
    raise AssertionError(bad)
print("template and tokenizer agree with transformers")
