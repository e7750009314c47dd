"""The corpus of the demo model: conversations sampled from `facts.py` in the wordings of `wordings.py`.

The corpus is a stream, not a file: the same seed gives the same conversations. `python corpus.py 20` prints some.

Owns: conversations, typing noise, rendering to the prompt format, the held-out questions.
"""

import random
import re
import sys
from dataclasses import dataclass

import facts as F
import wordings as W

# Added around single questions while training. None of them turns a training wording into a held-out one;
# `train.py` checks that on everything it has seen.
PREFIXES = ["Hey, ", "Hi! ", "Hello, ", "Quick question: ", "Question: ", "OK, ", "So, ", "I have a question: ", "A question: ",
            "Excuse me, ", "Next question: ", "Now: ", "Well, ", "And now: ", "Hello! ", "Listen: ", "Tell me this: ", "Hmm, ",
            "By the way, ", "My question: ", "Here is a question: ", "I wonder: ", "Please answer: ", "Another question: ", "Oh, ",
            "Just a question: ", "Good, ", "Fine, ", "Let me see, ", "Something else: "]
SUFFIXES = [" Answer in one short sentence.", " Answer in one short sentence.", " Be brief.", " Please.", " Keep it short.",
            " Answer briefly.", " Just one sentence.", " Reply in one sentence.", " In one sentence.", " Short answer please.",
            " Thanks.", " One short sentence, please.", " Please answer briefly.", " I want to know.", " Thank you.", " Go.", " I am curious.", " Quickly.",
            " Make it short.", " No long answer.", " Be quick.", " A sentence will do.", " One line is enough.", " Answer now.", " Short.",
            " Please be short."]
HELD_PREFIXES = ["One more thing: ", "Let me ask you: ", "Um, "]
HELD_SUFFIXES = [" A short answer will do.", " One sentence is enough.", " Please be quick."]

ASK_NAME = ["What is my name?", "What's my name?", "Do you know my name?", "Who am I?", "Tell me my name.", "Say my name.",
            "What am I called?", "Can you say my name?", "How am I called?", "Which name do I have?", "Please say my name.",
            "Which name did I tell you?", "What name did I give you?", "Do you still know my name?", "My name is what?", "Tell me who I am.",
            "Repeat my name.", "What did I say my name was?", "Now say my name.", "I forgot my name, what is it?", "Could you say my name?",
            "Who is talking to you?", "Say who I am."]
ASK_NAME_HELD = ["Do you remember my name?", "Can you tell me my name?", "What was my name?", "What is my name again?"]
NO_NAME = "You have not told me your name."


@dataclass
class Sample:
    """One conversation. `turns` end with a user turn; `answer` is what the model has to say then."""

    family: str
    group: str
    turns: list[tuple[str, str]]
    answer: str
    thought: str | None = None  # a string puts the sample into thinking mode


def expand(pattern: str, rng: random.Random) -> str:
    return re.sub(r"\[([^\]]*)\]", lambda m: rng.choice(m[1].split("|")), pattern)


def fill(pattern: str, slots: dict[str, list[str]], rng: random.Random) -> str:
    text = expand(pattern, rng)
    return W.cap(re.sub(r"\{(\w+)\}", lambda m: rng.choice(slots[m[1]]), text))


def normal(text: str) -> str:
    """A question without case, punctuation and spacing, to compare wordings."""
    return " ".join(re.findall(r"[\w+*/=-]+", text.lower()))


def typo(pattern: str, rng: random.Random) -> str:
    """One slip of the finger in one word of the wording; slots stay whole."""
    spots = [m for m in re.finditer(r"(?<![{\w])[a-z]{4,}(?![}\w])", pattern)]
    if not spots:
        return pattern
    spot = rng.choice(spots)
    word, i = spot[0], rng.randrange(1, len(spot[0]) - 1)
    word = rng.choice([word[:i] + word[i + 1 :], word[:i] + word[i] + word[i:], word[:i] + word[i + 1] + word[i] + word[i + 2 :]])
    return pattern[: spot.start()] + word + pattern[spot.end() :]


def decorate(text: str, rng: random.Random, plain: float = 0.5) -> str:
    """Prefix, suffix, lower case or missing punctuation, as people type."""
    if rng.random() >= plain:
        kind = rng.random()
        if kind < 0.25:
            prefix = rng.choice(PREFIXES)
            keep = re.match(r"(I\b|[A-Z][a-z]+ (is|has|capital|belongs)|[A-Z]\b)", text) or rng.random() < 0.3
            text = prefix + (text if keep else text[0].lower() + text[1:])
        elif kind < 0.65:
            text = text + (rng.choice(SUFFIXES) if text[-1] in ".?!" else "?" + rng.choice(SUFFIXES))
        if rng.random() < 0.35:
            text = text.lower() if rng.random() < 0.85 else text.upper()
        if text[-1] in "?." and rng.random() < 0.3:
            text = text[:-1] if rng.random() < 0.8 else text[:-1] + " " + text[-1]
    return text


class Corpus:
    """A seeded stream of samples. `weights` may be changed while it runs, to spend time on what is not yet known."""

    def __init__(self, seed: int):
        self.rng = random.Random(seed)
        self.families = {f.name: f for f in W.families()}
        self.weights = {name: f.weight for name, f in self.families.items()} | {"unknown": 7.0, "memory": 2.0}
        self.things = W.UNKNOWN_THINGS.replace("\n", " ").split(", ")

    # --- single questions -------------------------------------------------------------------------------------

    def question(self, family: W.Family, fact: W.Fact, follow: bool = False) -> str:
        rng = self.rng
        pattern = rng.choice(family.follow if follow else family.ask + fact.ask)
        if rng.random() < 0.06:
            pattern = typo(expand(pattern, rng), rng)
        exact_case = family.name == "repeat"
        return decorate(fill(pattern, fact.slots, rng), rng, plain=1.0 if exact_case or follow else 0.45)

    def unknown_question(self) -> str:
        rng = self.rng
        if rng.random() < 0.15:
            made_up = "".join(rng.choice("bcdfghjklmnprstvwz") + rng.choice("aeiou") for _ in range(rng.randint(2, 4)))
            things = [made_up + rng.choice(["", "x", "n", "s", "ter", "ck"])]
        else:
            things = self.things
        return decorate(fill(rng.choice(W.unknown()), unknown_slots(things, rng), rng), rng, 0.6)

    def pick(self) -> str:
        return self.rng.choices(list(self.weights), list(self.weights.values()))[0]

    # --- conversations ----------------------------------------------------------------------------------------

    def exchange(self, previous: str | None = None) -> tuple[str, str, str, str]:
        """One question and its answer: (family, question, answer, thought)."""
        rng = self.rng
        name = self.pick()
        if previous and rng.random() < 0.4 and self.families.get(previous) and self.families[previous].follow:
            family = self.families[previous]
            fact = rng.choice(family.facts)
            return previous, self.question(family, fact, follow=True), fact.answer, family.thought.format(answer=fact.answer)
        while name == "memory":
            name = self.pick()
        if name == "unknown":
            return name, self.unknown_question(), F.UNKNOWN_ANSWER, "I was not taught this."
        family = self.families[name]
        fact = rng.choice(family.facts)
        return name, self.question(family, fact), fact.answer, family.thought.format(answer=fact.answer)

    def memory(self) -> Sample:
        """The user's name, asked some turns after it was told, or never told."""
        rng = self.rng
        turns: list[tuple[str, str]] = []
        told = rng.random() < 0.8
        family = self.families["name"]
        for position in range(rng.choice([1, 1, 1, 2, 2, 3]) if told else rng.choice([0, 0, 1, 2])):
            if told and position == 0:
                fact = rng.choice(family.facts)
                question, answer = self.question(family, fact), fact.answer
            else:
                name, question, answer, _ = self.exchange()
                while name == "name":
                    name, question, answer, _ = self.exchange()
            turns += [("user", question), ("assistant", answer)]
        turns.append(("user", decorate(rng.choice(ASK_NAME), rng, 0.6)))
        answer = f"Your name is {fact.slots['n'][0]}." if told else NO_NAME
        return Sample("memory", "memory", turns, answer, "I look for the name of the user.")

    def sample(self) -> Sample:
        rng = self.rng
        name = self.pick()
        if name == "memory":
            made = self.memory()
        else:
            length = rng.choices([1, 2, 3, 4, 6, 8], [78, 13, 5, 2.5, 1, 0.5])[0]
            turns: list[tuple[str, str]] = []
            previous = None
            for _ in range(length - 1):
                previous, question, answer, _ = self.exchange(previous)
                turns += [("user", question), ("assistant", answer)]
            previous, question, answer, thought = self.exchange(previous)
            group = self.families[previous].group if previous in self.families else "unknown"
            made = Sample(previous, group, [*turns, ("user", question)], answer, thought)
        if rng.random() > 0.1:
            made.thought = None
        if rng.random() < 0.12:
            made.turns.insert(0, ("system", rng.choice(F.SYSTEM_PROMPTS)))
        return made


# Taught things, for questions about them that were not taught.
KNOWN_THINGS = [*F.COLOURS, *map(W.article, F.ANIMALS), *(d[0] for d in F.DEFINITIONS)]


def unknown_slots(things: list[str], rng: random.Random) -> dict[str, list[str]]:
    high = rng.randint(25, 999)
    low = rng.randint(2, 999)
    first, second = (high, low) if rng.random() < 0.5 else (low, high)
    return {
        "u": things, "w": things, "j": W.UNKNOWN_ADJECTIVES, "v2": W.UNKNOWN_VERBS, "k": W.UNKNOWN_KINDS,
        "v": ["born", "made", "built", "discovered", "founded", "invented"], "t": ["today", "tomorrow", "next week"],
        "c": [c[0] for c in F.COUNTRIES], "z": KNOWN_THINGS, "n": [str(first)], "m": [str(second)],
    }


# --- prompt format ----------------------------------------------------------------------------------------------


def render(sample: Sample) -> tuple[str, str]:
    """(prompt, target) as the chat template gives them; `check_template.py` holds both together."""
    prompt = "".join(f"<|im_start|>{role}\n{content.strip()}<|im_end|>\n" for role, content in sample.turns)
    if sample.thought is None:
        return prompt + "<|im_start|>assistant\n<think>\n\n</think>\n\n", sample.answer + "<|im_end|>"
    return prompt + "<|im_start|>assistant\n<think>\n", f"{sample.thought}\n</think>\n\n{sample.answer}<|im_end|>"


def encode(sample: Sample, tokenizer) -> tuple[list[int], list[int]]:
    """(ids, positions whose next token is an answer token). Earlier answers of a conversation count as well."""
    parts: list[tuple[str, bool]] = []
    for role, content in sample.turns:
        if role == "assistant":
            parts += [("<|im_start|>assistant\n", False), (content + "<|im_end|>", True), ("\n", False)]
        else:
            parts.append((f"<|im_start|>{role}\n{content.strip()}<|im_end|>\n", False))
    prompt, target = render(Sample(sample.family, sample.group, [], sample.answer, sample.thought))
    parts += [(prompt, False), (target, True)]
    ids: list[int] = []
    learned: list[int] = []
    for text, is_answer in parts:
        piece = tokenizer.encode(text, add_special_tokens=False).ids
        if is_answer:
            learned += range(len(ids) - 1, len(ids) + len(piece) - 1)
        ids += piece
    return ids, learned


# --- held-out questions -----------------------------------------------------------------------------------------


def held_out(split: str, per_family: int, seed: int) -> list[Sample]:
    """Questions in wordings that training never uses. split: "dev" (watched) or "test" (reported)."""
    rng = random.Random(f"{split}-{seed}")

    def choose(held: list[str]) -> list[str]:
        return held[:1] if split == "dev" else held[1:]

    def dress(text: str) -> str:
        kind = rng.random()
        if kind < 0.15:
            return rng.choice(PREFIXES) + (text[0].lower() + text[1:] if text[:2] != "I " else text)
        if kind < 0.35 and text[-1] in ".?!":
            return text + rng.choice(SUFFIXES)
        if kind < 0.40 and text[-1] in ".?!":
            return text + rng.choice(HELD_SUFFIXES)
        if kind < 0.45:
            return rng.choice(HELD_PREFIXES) + (text[0].lower() + text[1:] if text[:2] != "I " else text)
        if kind < 0.55:
            return text.lower()
        return text

    out: list[Sample] = []
    for family in W.families():
        pairs = [(fact, p) for fact in family.facts for p in choose(family.held) + choose(fact.held)]
        for fact, pattern in rng.sample(pairs, min(per_family, len(pairs))):
            text = fill(pattern, fact.slots, rng)
            out.append(Sample(family.name, family.group, [("user", text if family.name in ("repeat", "name") else dress(text))],
                              fact.answer))
    things = W.UNKNOWN_THINGS_HELD.replace("\n", " ").split(", ")
    for _ in range(per_family):
        text = fill(rng.choice(W.UNKNOWN_HELD[::2] if split == "dev" else W.UNKNOWN_HELD[1::2]), unknown_slots(things, rng), rng)
        out.append(Sample("unknown", "unknown", [("user", text)], F.UNKNOWN_ANSWER))
    corpus = Corpus(seed)
    for _ in range(per_family):
        made = corpus.memory()
        made.turns[-1] = ("user", rng.choice(choose(ASK_NAME_HELD)))
        made.thought = None
        out.append(made)
    for _ in range(per_family):
        # A held-out wording as the last turn of a longer conversation.
        last = rng.choice(out[: -2 * per_family])
        turns: list[tuple[str, str]] = []
        for _ in range(rng.randint(1, 4)):
            _, question, answer, _ = corpus.exchange()
            turns += [("user", question), ("assistant", answer)]
        out.append(Sample("conversation", "conversations", [*turns, *last.turns], last.answer))
    return out


if __name__ == "__main__":
    stream = Corpus(int(sys.argv[2]) if len(sys.argv) > 2 else 0)
    for _ in range(int(sys.argv[1]) if len(sys.argv) > 1 else 10):
        print("".join(render(stream.sample())) + "\n---")
