export type {
  ChatEnd,
  ChatEvent,
  ChatWarning,
  ChatWarningCode,
  ReasoningDelta,
  TextDelta,
  ToolCallDelta,
  ToolCallEnd,
  ToolCallIncomplete,
  ToolCallStart,
} from './chat-events.js'
export { ChatParser, type ChatParserOptions } from './chat-parser.js'
export { type DropTurnsOptions, dropOldTurns, type KeptTurns } from './drop-turns.js'
export type { ChatMessage, ContentPart, ToolCall } from './messages.js'
export { type ChatReply, chatReply, parseChat, parseReply } from './parse-chat.js'
export { ChatTemplate, type EncodedChat, encodeChat, type RenderOptions } from './template.js'
export { type ChatTool, checkTools, type JsonSchema } from './tools.js'
