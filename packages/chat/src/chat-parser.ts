// Sorts generated text while it streams: thinking, answer, and calls of tools in the format of Qwen3.5. What comes out does not
// depend on how the text is cut into pieces, and nothing of it is lost: every event carries the text it stands for.

import type { ChatEvent, ChatWarningCode } from './chat-events.js'
import { JsonObjectScanner, jsonCall } from './json-call.js'
import { MAX_NAME, MAX_TAG_SPACE } from './limits.js'
import { type OpenCall, ToolBox } from './tool-call.js'
import { type ChatTool, checkTools } from './tools.js'

/** Options of {@link ChatParser}. */
export interface ChatParserOptions {
  /** The tools that the prompt offered; their schemas type the arguments. Default none: then every argument is a string. */
  tools?: readonly ChatTool[] | undefined
  /** The prompt ended inside an open `<think>` block (`EncodedChat.reasoningOpen`). Default false. */
  open?: boolean | undefined
  /** Makes the id of a call from its number. Default: random, as calls of different turns must not share one. */
  callId?: ((index: number) => string) | undefined
}

type State = 'start' | 'breaks' | 'prose' | 'parameters' | 'value' | 'after-call' | 'json'

/** What stands at a place: one of the texts asked for, nothing of them, or too little text to tell. */
type Found = { readonly tag: string; readonly at: number } | 'other' | 'more'

/** The output ended before it could be told. */
const END = 'end of output'

const THINK = '<think>'
const THINK_END = '</think>'
const CALL = '<tool_call>'
const CALL_END = '</tool_call>'
const FUNCTION = '<function='
const FUNCTION_END = '</function>'
const PARAMETER = '<parameter='
const PARAMETER_END = '</parameter>'

/**
 * Sorts one output into {@link ChatEvent}s; see the README for what it makes of output that is not quite in the format. Time is
 * linear in the length of the output, memory is that of the text of the call it is in.
 */
export class ChatParser {
  private state: State = 'start'
  private part: 'reasoning' | 'text'
  private readonly tools: ToolBox
  /** Text not looked at yet, or not decided about. */
  private rest = ''
  /** The first half of a surrogate pair whose second half is still to come. */
  private half = ''
  /** Text that was taken and is not in an event yet. */
  private raw = ''
  /** White space behind the prose so far; it counts when more prose follows. */
  private space = ''
  private ended = false
  private events: ChatEvent[] = []
  private calls = 0
  private complete = 0
  /** Nothing was said since the last call; white space alone after it is layout. */
  private sinceCall = false
  private said = false
  private lineStart = true
  /** A call came before `</think>`, which may still follow. */
  private thinkingLeft = false
  private call: OpenCall | undefined
  private json: JsonObjectScanner | undefined

  /** @throws FakError `CHAT_BAD_TOOL` */
  constructor({ tools = [], open = false, callId }: ChatParserOptions = {}) {
    checkTools(tools)
    this.tools = new ToolBox(tools, callId)
    this.part = open ? 'reasoning' : 'text'
  }

  /** Takes the next piece of output and returns what is certain now. */
  push(text: string): ChatEvent[] {
    const whole = this.half + text
    const last = whole.charCodeAt(whole.length - 1)
    this.half = last >= 0xd800 && last <= 0xdbff ? whole.slice(-1) : ''
    this.rest += this.half === '' ? whole : whole.slice(0, -1)
    return this.run()
  }

  /** Tells that the output has ended and returns what was held back, the `end` event last. */
  end(): ChatEvent[] {
    this.rest += this.half
    this.half = ''
    this.ended = true
    const events = this.run()
    const inside = this.call || this.json || this.rest !== '' ? 'tool-call' : this.part
    if (inside === 'tool-call') {
      const { index = null, id = null, name = null } = this.call ?? {}
      this.take(this.rest.length)
      const text = this.call?.text ?? this.raw.slice(this.raw.indexOf(CALL))
      this.emit({ type: 'tool-call-incomplete', index, id, name, text })
    } else if (this.space !== '' && !this.sinceCall) {
      this.say('')
    }
    this.emit({ type: 'end', toolCalls: this.complete, inside })
    return events.concat(this.flush())
  }

  private run(): ChatEvent[] {
    while (this.step());
    return this.flush()
  }

  private flush(): ChatEvent[] {
    const { events } = this
    this.events = []
    return events
  }

  /** Does one thing; `false` when it takes more text to know what. */
  private step(): boolean {
    switch (this.state) {
      case 'start':
        return this.start()
      case 'breaks':
        return this.breaks()
      case 'prose':
        return this.prose()
      case 'parameters':
        return this.parameters()
      case 'value':
        return this.value()
      case 'after-call':
        return this.afterFunction()
      case 'json':
        return this.jsonText()
    }
  }

  // Reading

  private take(length: number): string {
    const taken = this.rest.slice(0, length)
    this.rest = this.rest.slice(length)
    this.raw += taken
    if (this.call) this.call.text += taken
    return taken
  }

  private is(tag: string, at = 0): boolean | 'more' {
    if (this.rest.startsWith(tag, at)) return true
    const left = this.rest.length - at
    if (left >= tag.length || !tag.startsWith(this.rest.slice(at))) return false
    return this.ended ? left > 0 && 'more' : 'more'
  }

  /** Which of `tags` follows at `at`, white space aside. */
  private next(at: number, tags: readonly string[]): Found {
    let start = at
    while (start < this.rest.length && isSpace(this.rest[start]!)) {
      if (++start - at > MAX_TAG_SPACE) return 'other'
    }
    if (start === this.rest.length) return this.ended ? { tag: END, at: start } : 'more'
    let more = false
    for (const tag of tags) {
      const is = this.is(tag, start)
      if (is === true) return { tag, at: start }
      more ||= is === 'more'
    }
    if (!more) return 'other'
    return this.ended ? { tag: END, at: start } : 'more'
  }

  /** The name in a tag such as `<function=name>`, from `at` to before `>`; `null` when it takes more text to know. */
  private name(at: number): string | undefined | null {
    for (let i = at; i < this.rest.length && i - at <= MAX_NAME; i++) {
      if (this.rest[i] === '>') return i === at ? undefined : this.rest.slice(at, i)
      if (this.rest[i] === '\n' || this.rest[i] === '<') return undefined
    }
    return this.rest.length - at > MAX_NAME ? undefined : null
  }

  // Writing

  private emit(event: DistributiveOmit<ChatEvent, 'raw'>): void {
    this.events.push({ ...event, raw: this.raw } as ChatEvent)
    this.raw = ''
  }

  private warn(code: ChatWarningCode, reason: string): void {
    this.events.push({ type: 'warning', code, reason, index: this.call?.index ?? null, raw: '' })
  }

  private delta(json: string): void {
    const { index, id } = this.call!
    this.call!.json.push(json)
    this.emit({ type: 'tool-call-delta', index, id, json })
  }

  /** Prose, with the white space that waited for it. */
  private say(text: string): void {
    if (this.sinceCall) this.warn('text-after-call', 'there is text after a call')
    this.emit({ type: this.part, text: this.space + text })
    this.space = ''
    this.sinceCall = false
    this.said ||= this.part === 'text'
  }

  // Prose

  /** A block that the model opens itself counts only when it begins the output. */
  private start(): boolean {
    const found = this.next(0, [THINK])
    if (found === 'more') return false
    if (typeof found === 'object' && found.tag === THINK) {
      this.take(found.at + THINK.length)
      this.part = 'reasoning'
      this.state = 'breaks'
    } else {
      this.state = 'prose'
    }
    return true
  }

  /** Line breaks next to a thinking tag are not part of either side. */
  private breaks(): boolean {
    let count = 0
    while (this.rest[count] === '\n') count++
    this.take(count)
    if (this.rest === '' && !this.ended) return false
    this.state = 'prose'
    return true
  }

  private prose(): boolean {
    if (this.rest === '') return false
    const tag = this.rest.indexOf('<')
    if (tag !== 0) {
      this.plain(tag < 0 ? this.rest.length : tag)
      return true
    }
    const is = this.tag()
    if (is === false) this.plain(1)
    return is !== 'more'
  }

  /** Prose without tags: what it ends in stays behind until it is known what follows. */
  private plain(count: number): void {
    let length = count
    if (this.sinceCall && !this.said) {
      // Nothing was said before the call: what follows it begins the answer.
      let start = 0
      while (start < count && isSpace(this.rest[start]!)) start++
      this.take(start)
      length -= start
    }
    let body = length
    while (body > 0 && (this.part === 'text' ? isSpace(this.rest[body - 1]!) : this.rest[body - 1] === '\n')) body--
    if (body > 0) this.say(this.take(body))
    if (body > 0) this.lineStart = false
    const space = this.take(length - body)
    this.space += space
    if (space.includes('\n')) this.lineStart = true
  }

  /** Whether a tag that means something begins the rest; if so, it is dealt with. */
  private tag(): boolean | 'more' {
    if (this.part === 'reasoning' || this.thinkingLeft) {
      const is = this.is(THINK_END)
      if (is === true) {
        this.space = ''
        this.take(THINK_END.length)
        this.part = 'text'
        this.thinkingLeft = false
        this.lineStart = true
        this.state = 'breaks'
      }
      if (is !== false) return is === 'more' && this.ended ? false : is
    }
    const is = this.is(CALL)
    if (is === true) return this.opening(CALL.length, true)
    if (is === 'more') return this.ended ? false : 'more'
    return this.part === 'text' && this.lineStart ? this.bareFunction() : false
  }

  /** `<tool_call>` counts when a function or a JSON object follows. */
  private opening(length: number, inProse: boolean): boolean | 'more' {
    const found = this.next(length, [FUNCTION, '{'])
    if (found === 'more') return 'more'
    if (found === 'other') return inProse && this.noCall()
    if (found.tag === '{') {
      this.json = new JsonObjectScanner()
      this.take(found.at)
      this.state = 'json'
      return true
    }
    // The output ends here: this is the beginning of a call that never came.
    if (found.tag === END) return 'more'
    const name = this.name(found.at + FUNCTION.length)
    if (name === null) return 'more'
    if (name === undefined) return inProse && this.noCall()
    this.begin(name, found.at + FUNCTION.length + name.length + 1, true)
    return true
  }

  private noCall(): false {
    this.warn('not-a-call', `${CALL} is followed by neither ${FUNCTION}name> nor a JSON object; it is taken for text`)
    return false
  }

  /** A function without `<tool_call>` around it counts at the beginning of a line, for a tool that there is. */
  private bareFunction(): boolean | 'more' {
    const is = this.is(FUNCTION)
    if (is !== true) return is === 'more' && this.ended ? false : is
    const name = this.name(FUNCTION.length)
    if (name === null) return this.ended ? false : 'more'
    if (name === undefined || !this.tools.has(name)) return false
    const length = FUNCTION.length + name.length + 1
    const found = this.next(length, [PARAMETER, FUNCTION_END])
    if (found === 'more') return 'more'
    if (found === 'other') return false
    this.begin(name, length, false)
    this.warn('missing-tag', `the call has no ${CALL} before it`)
    return true
  }

  // Calls

  private begin(name: string, length: number, wrapped: boolean): void {
    this.space = ''
    this.call = this.tools.open(name, this.calls++, wrapped)
    this.take(length)
    const { index, id, name: known } = this.call
    this.emit({ type: 'tool-call-start', index, id, name: known })
    if (this.part === 'reasoning') {
      this.warn('call-in-thinking', `the call comes before ${THINK_END}; it ends the thinking`)
      this.thinkingLeft = true
      this.part = 'text'
    }
    if (!this.call.known) this.warn('unknown-tool', 'no tool has this name')
    this.delta('{')
    this.state = 'parameters'
  }

  private parameters(): boolean {
    const found = this.next(0, [PARAMETER, FUNCTION_END, CALL_END, CALL])
    if (found === 'more') return false
    if (typeof found === 'object') {
      if (found.tag === END) return false
      if (found.tag === PARAMETER) {
        const name = this.name(found.at + PARAMETER.length)
        if (name === null) return false
        if (name !== undefined) {
          this.take(found.at + PARAMETER.length + name.length + 1)
          this.openParameter(name)
          return true
        }
      } else {
        this.take(found.tag === FUNCTION_END ? found.at + FUNCTION_END.length : found.at)
        if (found.tag !== FUNCTION_END) this.warn('missing-tag', `the call has no ${FUNCTION_END}`)
        this.finish()
        return true
      }
    }
    const next = this.rest.indexOf('<', 1)
    this.take(next < 0 ? this.rest.length : next)
    if (!this.call!.strayText) this.warn('missing-tag', 'there is text between the parameters; no argument has it')
    this.call!.strayText = true
    return true
  }

  private openParameter(name: string): void {
    const { warnings, json } = this.call!.openParameter(name)
    for (const [code, reason] of warnings) this.warn(code, reason)
    if (json !== '') this.delta(json)
    this.state = 'value'
  }

  /** A value ends at `</parameter>` when a tag that may follow it does; anything else is part of the value. */
  private value(): boolean {
    const value = this.call!.value!
    if (this.rest === '') return false
    if (value.fresh) {
      value.fresh = false
      if (this.rest[0] === '\n') this.take(1)
      return true
    }
    const tag = this.rest.indexOf('<')
    if (tag === 0) {
      const end = this.valueEnd(value.lineStart)
      if (end === 'more' && !this.ended) return false
      if (typeof end === 'number') {
        this.take(end)
        this.closeParameter()
        return true
      }
    }
    const length = tag < 0 ? this.rest.length : Math.max(1, tag)
    // A line break at the end goes by itself, so that the events stand for the same text however it is cut.
    const body = length > 1 && this.rest[length - 1] === '\n' ? length - 1 : length
    const json = value.add(this.take(body))
    if (json !== '') this.delta(json)
    return true
  }

  /** How long the tag is that ends the value here; 0 for a tag that is missing. */
  private valueEnd(lineStart: boolean): number | undefined | 'more' {
    const ends = (tag: string, followers: readonly string[]): number | undefined | 'more' => {
      const is = this.is(tag)
      if (is !== true) return is === 'more' ? 'more' : undefined
      const found = this.next(tag.length, followers)
      if (found === 'more') return 'more'
      return found === 'other' ? undefined : tag.length
    }
    const regular = ends(PARAMETER_END, [PARAMETER, FUNCTION_END, CALL_END])
    if (regular !== undefined) return regular
    if (!lineStart) return undefined
    const missing = this.missingEnd(ends)
    if (typeof missing !== 'number') return missing
    this.warn('missing-tag', `the parameter has no ${PARAMETER_END}`)
    return 0
  }

  private missingEnd(ends: (tag: string, followers: readonly string[]) => number | undefined | 'more') {
    const wrapped = this.call!.wrapped
    const byFunction = wrapped || this.is(FUNCTION_END) !== true ? ends(FUNCTION_END, [CALL_END, CALL]) : 0
    if (byFunction !== undefined) return byFunction
    const byCall = ends(CALL_END, [CALL])
    if (byCall !== undefined) return byCall
    const is = this.is(PARAMETER)
    if (is !== true) return is === 'more' ? 'more' : undefined
    const name = this.name(PARAMETER.length)
    if (name === null) return 'more'
    return name !== undefined && this.call!.mayFollow(name) ? 0 : undefined
  }

  private closeParameter(): void {
    const { json, warning } = this.call!.closeParameter()
    this.delta(json)
    if (warning !== undefined) this.warn('unfit-value', warning)
    this.state = 'parameters'
  }

  private finish(): void {
    const call = this.call!
    this.delta('}')
    for (const name of call.missing())
      this.warn('missing-parameter', `the required parameter ${JSON.stringify(name)} is missing`)
    const json = call.json.join('')
    const { index, id, name } = call
    this.emit({ type: 'tool-call', index, id, name, arguments: JSON.parse(json), json })
    this.complete++
    this.state = 'after-call'
  }

  private afterFunction(): boolean {
    const wrapped = this.call?.wrapped ?? true
    const found = this.next(0, wrapped ? [CALL_END, FUNCTION] : [CALL_END])
    if (found === 'more') return false
    const tag = typeof found === 'object' ? found.tag : undefined
    if (tag === FUNCTION) {
      const more = this.opening(0, false)
      if (more === 'more') {
        if (!this.ended) return false
      } else if (more) return true
    }
    if (tag === END) this.take(this.rest.length)
    if (tag === CALL_END) this.take((found as { at: number }).at + CALL_END.length)
    else if (wrapped) this.warn('missing-tag', `the call has no ${CALL_END}`)
    this.call = undefined
    this.sinceCall = true
    this.lineStart = true
    this.state = 'prose'
    return true
  }

  /** A call as a JSON object, in the way of the Hermes format. */
  private jsonText(): boolean {
    if (this.rest === '') return false
    const scanner = this.json!
    const length = scanner.scan(this.rest)
    this.take(length)
    if (!scanner.done) return false
    this.json = undefined
    const call = jsonCall(scanner.text())
    if (call === undefined) {
      this.warn('not-a-call', `${CALL} holds JSON without a name and arguments; it is taken for text`)
      this.state = 'prose'
      this.say(this.raw.slice(this.raw.indexOf(CALL)))
      return true
    }
    const text = this.raw.slice(this.raw.indexOf(CALL))
    this.begin(call.name, 0, true)
    this.call!.text = text
    this.call!.given(call.keys)
    if (call.members !== '') this.delta(call.members)
    this.finish()
    return true
  }
}

type DistributiveOmit<T, K extends string> = T extends unknown ? Omit<T, K> : never

const isSpace = (c: string) => c === ' ' || c === '\n' || c === '\t' || c === '\r'
