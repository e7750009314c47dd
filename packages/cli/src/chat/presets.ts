// Sampling when the user says nothing: what the model cards recommend, and greedy for models far below those.

import type { GenerateOptions, Sampling } from '@fak/session'

const TINY_PARAMETERS = 1e8

type Preset = Pick<Sampling, 'temperature' | 'topK' | 'topP' | 'minP' | 'presencePenalty'>

/** Below the sizes that cards exist for, such as the demo model, whose short answers have one right wording. */
const TINY: Preset = { temperature: 0, topK: 0, topP: 1, minP: 0, presencePenalty: 0 }

// Model cards of Qwen3.5, general use.
const THINKING: Preset = { temperature: 1, topK: 20, topP: 0.95, minP: 0, presencePenalty: 1.5 }
const ANSWERING: Preset = { temperature: 0.7, topK: 20, topP: 0.8, minP: 0, presencePenalty: 1.5 }
/** 0.8B and 2B, which answer without thinking unless told otherwise. */
const SMALL: Preset = { temperature: 1, topK: 20, topP: 1, minP: 0, presencePenalty: 2 }
/** Cards of Qwen3.6-27B and of Qwen3.8 want no presence penalty while the model thinks. */
const THINKING_FREELY: Preset = { ...THINKING, presencePenalty: 0 }

/** What decides the preset. */
export interface PresetCase {
  /** Name of the model or its file: releases of one architecture differ in what their cards recommend. */
  readonly name: string
  readonly parameters: number
  /** Whether this prompt makes the model think. */
  readonly thinks: boolean
  /** Whether it would think if nothing were said about it. */
  readonly thinksByDefault: boolean
}

/** The preset for a model and mode, with what the user chose in place of its values. */
export function sampling(mode: PresetCase, chosen: GenerateOptions): GenerateOptions {
  return { ...preset(mode), ...chosen }
}

function preset({ name, parameters, thinks, thinksByDefault }: PresetCase): Preset {
  if (parameters < TINY_PARAMETERS) return TINY
  if (thinks) return /qwen3\.(6-27b|8)/i.test(name) ? THINKING_FREELY : THINKING
  return thinksByDefault ? ANSWERING : SMALL
}
