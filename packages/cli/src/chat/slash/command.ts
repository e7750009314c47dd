// What a slash command is, and what it works with.

import type { Runtime } from '../../runtime.js'
import type { ThinkingView } from '../answer-view.js'
import type { Conversation } from '../conversation.js'
import type { Screen } from '../screen.js'
import type { TurnEvent } from '../turn.js'

/** A chat as commands see it. */
export interface Chat {
  readonly screen: Screen
  readonly runtime: Runtime
  readonly conversation: Conversation
  /** How thinking is shown from now on. */
  thinking: ThinkingView
  /** What the model thought last. */
  readonly lastThought: string
  /** Texts of files that go with the next message. */
  readonly attachments: string[]
  /** Goes on with another model. @throws what opening it throws; then nothing has changed */
  switchModel(reference: string): Promise<void>
}

/** What happens after a command. */
export type Next =
  | 'exit'
  | { readonly answer: (signal: AbortSignal) => AsyncIterable<TurnEvent> }
  /** A text to change; sent, it takes the place of a message. */
  | { readonly edit: number; readonly draft: string }
  | undefined

/** A command of a chat. */
export interface SlashCommand {
  readonly name: string
  /** Other names that people know it by. */
  readonly aliases?: readonly string[]
  /** What goes behind the name. */
  readonly usage?: string
  readonly help: string
  /** What its argument is completed from. */
  readonly completes?: 'files' | readonly string[]
  run(chat: Chat, args: string): Promise<Next>
}

/** A command was given something that it does not take; the message says what it takes. */
export class SlashUsage extends Error {}
