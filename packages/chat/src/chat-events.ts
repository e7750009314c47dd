// What a generation says, sorted: thinking, answer, calls of tools.

/** Every event carries the part of the output that it stands for: in order, the `raw` of all events are the output. */
interface Raw {
  readonly raw: string
}

/** Some of the model's thinking. */
export interface ReasoningDelta extends Raw {
  readonly type: 'reasoning'
  readonly text: string
}

/** Some of the answer. */
export interface TextDelta extends Raw {
  readonly type: 'text'
  readonly text: string
}

/** A call has begun: its name is known. */
export interface ToolCallStart extends Raw {
  readonly type: 'tool-call-start'
  /** Number of the call in this output, from 0. */
  readonly index: number
  readonly id: string
  readonly name: string
}

/** More of a call's arguments. The pieces of one call make up the JSON text of an object. */
export interface ToolCallDelta extends Raw {
  readonly type: 'tool-call-delta'
  readonly index: number
  readonly id: string
  readonly json: string
}

/** A call is complete. */
export interface ToolCallEnd extends Raw {
  readonly type: 'tool-call'
  readonly index: number
  readonly id: string
  readonly name: string
  /** The arguments, typed by the tool's schema. */
  readonly arguments: Readonly<Record<string, unknown>>
  /** The same as JSON text, which also keeps integers beyond 2^53: what `ToolCall.function.arguments` of a message takes. */
  readonly json: string
}

/** The output ended inside a call. Nothing is to be run. */
export interface ToolCallIncomplete extends Raw {
  readonly type: 'tool-call-incomplete'
  /** `null` before the name was known; there was no `tool-call-start` then. */
  readonly index: number | null
  readonly id: string | null
  readonly name: string | null
  /** All that the model wrote of the call. */
  readonly text: string
}

/** Why a {@link ChatWarning} was given. */
export type ChatWarningCode =
  | 'call-in-thinking'
  | 'duplicate-parameter'
  | 'missing-parameter'
  | 'missing-tag'
  | 'not-a-call'
  | 'text-after-call'
  | 'unfit-value'
  | 'unknown-parameter'
  | 'unknown-tool'

/** Something about the output that was understood, but not as the format has it. */
export interface ChatWarning extends Raw {
  readonly type: 'warning'
  readonly code: ChatWarningCode
  readonly reason: string
  /** The call it is about. */
  readonly index: number | null
}

/** The last event. */
export interface ChatEnd extends Raw {
  readonly type: 'end'
  /** How many calls are complete. */
  readonly toolCalls: number
  /** Where the output ended: inside the thinking, the answer or a call. */
  readonly inside: 'reasoning' | 'text' | 'tool-call'
}

/** Events of {@link ChatParser}. */
export type ChatEvent =
  | ReasoningDelta
  | TextDelta
  | ToolCallStart
  | ToolCallDelta
  | ToolCallEnd
  | ToolCallIncomplete
  | ChatWarning
  | ChatEnd
