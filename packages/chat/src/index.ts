export type { ChatMessage, ContentPart, ToolCall } from './messages.js'
export { type ReasoningOptions, ReasoningSplitter, type StreamPart, splitStream } from './reasoning.js'
export { ChatTemplate, type EncodedChat, encodeChat, type RenderOptions } from './template.js'
export { type ChatTool, checkTools, type JsonSchema } from './tools.js'
