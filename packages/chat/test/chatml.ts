// A chat template of our own, in the form that Qwen3.5 expects (ChatML with thinking and tools), and a tokenizer for it.

import { readFileSync } from 'node:fs'
import { Tokenizer } from '@fak/tokenizer'
import { ChatTemplate } from '../src/index.js'

/** Source of the template. */
export const chatmlSource = `{%- macro body(content) -%}
  {%- if content is string -%}{{ content }}
  {%- elif content is iterable -%}
    {%- for part in content -%}
      {%- if part.type == 'image' -%}{{ '<|vision_start|><|image_pad|><|vision_end|>' }}
      {%- else -%}{{ part.text }}{%- endif -%}
    {%- endfor -%}
  {%- endif -%}
{%- endmacro -%}
{%- if tools %}{{ '<|im_start|>system\\n' }}
  {%- for tool in tools %}{{ tool | tojson }}{{ '\\n' }}{% endfor %}{{ '<|im_end|>\\n' }}
{%- endif -%}
{%- set ns = namespace(last=-1) -%}
{%- for message in messages -%}
  {%- set text = body(message.content)|trim -%}
  {%- if message.role == 'user' and not (text.startswith('<tool_response>') and text.endswith('</tool_response>')) -%}
    {%- set ns.last = loop.index0 -%}
  {%- endif -%}
{%- endfor -%}
{%- if ns.last < 0 %}{{ raise_exception('There is no question.') }}{% endif -%}
{%- for message in messages -%}
  {%- set text = body(message.content)|trim -%}
  {%- if message.role == 'system' -%}
    {%- if not loop.first %}{{ raise_exception('The system message must come first.') }}{% endif -%}
    {{- '<|im_start|>system\\n' + text + '<|im_end|>\\n' }}
  {%- elif message.role == 'user' -%}
    {{- '<|im_start|>user\\n' + text + '<|im_end|>\\n' }}
  {%- elif message.role == 'assistant' -%}
    {%- set thought = '' -%}
    {%- if message.reasoning_content is string -%}
      {%- set thought = message.reasoning_content|trim -%}
    {%- elif '</think>' in text -%}
      {%- set thought = text.split('</think>')[0].rstrip('\\n').split('<think>')[-1].lstrip('\\n') -%}
      {%- set text = text.split('</think>')[-1].lstrip('\\n') -%}
    {%- endif -%}
    {{- '<|im_start|>assistant\\n' }}
    {%- if loop.index0 > ns.last %}{{ '<think>\\n' + thought + '\\n</think>\\n\\n' }}{% endif -%}
    {{- text }}
    {%- for call in message.tool_calls or [] -%}
      {{- '<tool_call>\\n<function=' + call.function.name + '>\\n' }}
      {%- for name, value in call.function.arguments|items -%}
        {{- '<parameter=' + name + '>' }}
        {{- value if value is string else (value|tojson if value is mapping or value is sequence else value|string) }}
        {{- '</parameter>\\n' }}
      {%- endfor -%}
      {{- '</function>\\n</tool_call>' }}
    {%- endfor -%}
    {{- '<|im_end|>\\n' }}
  {%- elif message.role == 'tool' -%}
    {{- '<|im_start|>user\\n<tool_response>\\n' + text + '\\n</tool_response><|im_end|>\\n' }}
  {%- else -%}
    {{- raise_exception('Role ' + message.role + ' is unknown.') }}
  {%- endif -%}
{%- endfor -%}
{%- if add_generation_prompt -%}
  {{- '<|im_start|>assistant\\n' }}
  {%- if enable_thinking is defined and enable_thinking is false %}{{ '<think>\\n\\n</think>\\n\\n' }}
  {%- else %}{{ '<think>\\n' }}{% endif -%}
{%- endif -%}`

/** The template. */
export const chatml = ChatTemplate.parse(chatmlSource, { file: 'chatml.jinja' })

/** A vocabulary with Qwen3.5's control tokens. */
export const tokenizer = Tokenizer.fromJson(
  readFileSync(new URL('../../../fixtures/tokenizer/tokenizer.json', import.meta.url)),
)
