// All keys of a converted checkpoint, in the order of the official converter. Source: `set_gguf_parameters` of conversion/base.py and
// conversion/qwen.py, `set_gguf_meta_model` of gguf/metadata.py (llama.cpp v0.5.0).

import type { Qwen35Config } from '@fak/model-qwen35'
import type { PlannedTensor } from '../plan.js'
import { type GeneralFiles, generalMetadata } from './general.js'
import { parameterCounts } from './size-label.js'
import { type TokenizerFiles, tokenizerMetadata } from './tokenizer.js'
import { bools, type Entry, f32, i32s, own, text, u32 } from './values.js'

/** What stands beside the tensors of a checkpoint. */
export interface CheckpointFiles extends TokenizerFiles, GeneralFiles {
  /** The object of config.json. */
  readonly config: unknown
  /** What messages call it. */
  readonly configFile: string
}

/** What the caller decides. */
export interface MetadataOptions {
  /** `general.file_type`. */
  readonly fileType: number
  /** `general.name`, instead of one made from the directory's. */
  readonly modelName?: string
}

const MROPE_SECTIONS = [11, 11, 10, 0]
const FULL_ATTENTION_INTERVAL = 4

/**
 * Keys and values of the new file.
 *
 * @throws FakError the `TOK_` and `TEMPLATE_` codes of the tokenizer's files, `MODEL_BAD_CONFIG` for generation_config.json
 */
export function checkpointMetadata(
  files: CheckpointFiles & { readonly mtpBlocks: number },
  config: Qwen35Config,
  tensors: readonly PlannedTensor[],
  options: MetadataOptions,
): Entry[] {
  const architecture = config.mlp.kind === 'moe' ? 'qwen35moe' : 'qwen35'
  return [
    text('general.architecture', architecture),
    text('general.type', 'model'),
    ...generalMetadata(files, parameterCounts(tensors), options.modelName),
    ...modelMetadata(architecture, files.config, config, files.mtpBlocks, options.fileType),
    u32('general.quantization_version', 2),
    ...tokenizerMetadata(files, files.config, config.vocabularySize),
  ]
}

function modelMetadata(A: string, json: unknown, c: Qwen35Config, mtpBlocks: number, fileType: number): Entry[] {
  const { attention, deltaNet, mlp } = c
  const given = own(json, 'text_config') ?? json
  const rope = own(given, 'rope_parameters') ?? own(given, 'rope_scaling')
  const sections = own(rope, 'mrope_section')
  const sectionsEntry = i32s(
    `${A}.rope.dimension_sections`,
    Array.isArray(sections) ? [...sections.map(Number), 0, 0, 0, 0].slice(0, 4) : MROPE_SECTIONS,
  )
  const width = mlp.kind === 'dense' ? mlp.intermediate : own(given, 'intermediate_size')
  const interval = own(given, 'full_attention_interval')
  return [
    u32(`${A}.block_count`, c.layerKinds.length + mtpBlocks),
    u32(`${A}.context_length`, c.contextLength),
    u32(`${A}.embedding_length`, c.hidden),
    ...(typeof width === 'number' ? [u32(`${A}.feed_forward_length`, width)] : []),
    u32(`${A}.attention.head_count`, attention.Hq),
    u32(`${A}.attention.head_count_kv`, attention.Hk),
    ...(Array.isArray(sections) ? [sectionsEntry] : []),
    f32(`${A}.rope.freq_base`, attention.rope.theta),
    f32(`${A}.attention.layer_norm_rms_epsilon`, c.eps),
    ...(mlp.kind === 'moe' ? [u32(`${A}.expert_count`, mlp.experts), u32(`${A}.expert_used_count`, mlp.topK)] : []),
    u32(`${A}.attention.key_length`, attention.Dk),
    u32(`${A}.attention.value_length`, attention.Dv),
    u32('general.file_type', fileType),
    ...(mlp.kind === 'moe'
      ? [
          u32(`${A}.expert_feed_forward_length`, mlp.intermediate),
          u32(`${A}.expert_shared_feed_forward_length`, mlp.sharedIntermediate),
        ]
      : []),
    ...(mtpBlocks > 0 ? [u32(`${A}.nextn_predict_layers`, mtpBlocks)] : []),
    u32(`${A}.ssm.conv_kernel`, deltaNet.convTaps),
    u32(`${A}.ssm.state_size`, deltaNet.Dk),
    u32(`${A}.ssm.group_count`, deltaNet.Hk),
    u32(`${A}.ssm.time_step_rank`, deltaNet.Hv),
    u32(`${A}.ssm.inner_size`, deltaNet.Hv * deltaNet.Dv),
    bools(`${A}.attention.recurrent_layers`, [
      ...c.layerKinds.map((kind) => kind === 'linear_attention'),
      ...Array<boolean>(mtpBlocks).fill(false),
    ]),
    u32(`${A}.full_attention_interval`, typeof interval === 'number' ? interval : FULL_ATTENTION_INTERVAL),
    u32(`${A}.rope.dimension_count`, attention.rope.dims),
    ...(Array.isArray(sections) ? [] : [sectionsEntry]),
  ]
}
