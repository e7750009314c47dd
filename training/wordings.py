"""How the facts are asked: for each family of facts the wordings to train on and the wordings held out.

A wording is a pattern: `[a|b|]` picks one alternative, `{x}` is a slot of the fact. `held` wordings never occur in
training; the first of them is watched during training (development), the rest are only for the final test.

Owns: families and patterns. Does not own: conversations, prefixes, typing noise (`corpus.py`).
"""

from dataclasses import dataclass, field

import facts as F


@dataclass
class Fact:
    """One fact: the slots its wordings need (each with one or more spellings), and the one answer."""

    slots: dict[str, list[str]]
    answer: str
    ask: list[str] = field(default_factory=list)
    held: list[str] = field(default_factory=list)


@dataclass
class Family:
    """Facts asked in the same way. `follow` are elliptic follow-ups after a question of the same family."""

    name: str
    group: str
    facts: list[Fact]
    ask: list[str]
    held: list[str]
    weight: float = 1.0
    follow: list[str] = field(default_factory=list)
    thought: str = "I know this one. {answer}"


def cap(text: str) -> str:
    return text[:1].upper() + text[1:]


def article(noun: str) -> str:
    return ("an " if noun[0] in "aeiou" and not noun.startswith("u") else "a ") + noun


def families() -> list[Family]:
    """All families, in a fixed order."""
    return [
        *geography(), *calendar(), *arithmetic(), *words(), *nature(), *general(), *talk(), *skills(),
    ]


def geography():
    names = {c: [c, *filter(None, other.split(","))] for c, other, *_ in F.COUNTRIES}
    ellipse = ["And {c}?", "What about {c}?", "And of {c}?", "How about {c}?", "and {c}?", "And for {c}?"]
    yield Family(
        "capital", "capitals",
        [Fact({"c": names[c]}, f"{town} is the capital of {c}.") for c, _, town, _ in F.COUNTRIES],
        [
            "What is the capital of {c}?", "What is the capital of {c}?", "What's the capital of {c}?",
            "[What is|What's] the capital city of {c}?",
            "[Which|What] city is the capital of {c}?", "[Which|What] town is the capital of {c}?",
            "[Tell|Give] me the capital [city |]of {c}.", "Name the capital [city |]of {c}.", "{c} capital",
            "capital of {c}", "The capital of {c}?", "The capital of {c} is [what|which city]?",
            "[Do you know|Can you tell me|Could you tell me] the capital of {c}?",
            "[Do you know|Can you tell me|I want to know|Tell me|Can you say] what the capital of {c} is[.|?]",
            "What is {c}'s capital [city|]?", "[Tell me|Name] {c}'s capital.", "What capital does {c} have?",
            "Which city is the capital city of {c}?", "I need the capital of {c}.", "I [forgot|forget] the capital of {c}.",
            "Say the capital of {c}.", "Which is the capital of {c}?", "Where is the government of {c}?",
            "What do you call the capital of {c}?", "[What is|Tell me] the name of {c}'s capital[.|?]",
            "In {c}, what is the capital?", "For {c}, name the capital city.",
        ],
        [
            "[Do you know|Can you tell me] which city is the capital of {c}?", "What is the name of the capital of {c}?",
            "What city is {c}'s capital?", "Please name the capital of {c}.", "The capital city of {c} is which city?",
            "I would like to know the capital of {c}.",
        ],
        weight=3, follow=ellipse, thought="The user asks for a capital. {answer}",
    )
    yield Family(
        "capital-of", "capitals",
        [Fact({"t": [town]}, f"{town} is the capital of {c}.") for c, _, town, _ in F.COUNTRIES],
        [
            "[Which|What] country is {t} the capital of?", "{t} is the capital of [which|what] country?",
            "Of [which|what] country is {t} the capital?", "{t} is the capital of what?", "What is {t} the capital of?",
            "[Which|What] country has the capital {t}?", "[Which|What] country has {t} as its capital?",
            "Name the country whose capital is {t}.", "[Tell me|Do you know|Can you say] which country {t} is the capital of[.|?]",
            "Whose capital is {t}?", "[Which|What] country's capital is {t}?", "{t} is the capital city of [which|what] country?",
            "Tell me the country with the capital {t}.", "The capital {t} belongs to which country?",
            "[Name|Tell me] the nation whose capital is {t}.", "Which [nation's|land's] capital is {t}?", "{t}: capital of which country?",
            "{t} is the [main|capital] city of which [nation|land|state]?", "Which [land|state|nation] has {t} as capital?",
            "Of which nation is {t} the capital city?", "I know the capital {t}, what is the country?", "In which country is {t} the capital?",
            "What nation is governed from {t}?", "The city {t} is the capital of which [state|country|nation]?", "What land is {t} the capital of?",
        ],
        [
            "What nation has {t} as its capital?", "{t} is the capital of which nation?", "For which country is {t} the capital?",
            "Which country has {t} as its capital city?", "Can you tell me what country {t} is the capital of?",
        ],
        weight=1.5, follow=["And {t}?", "What about {t}?", "How about {t}?"],
        thought="The user asks for a country. {answer}",
    )
    yield Family(
        "continent", "continents",
        [Fact({"c": names[c]}, f"{cap(c)} is in {land}.") for c, _, _, land in F.COUNTRIES if land],
        [
            "[Which|What] continent is {c} [in|on]?", "[In|On] [which|what] continent is {c}?", "Which continent does {c} belong to?",
            "Where is {c}?", "{c} is [in|on] which continent?", "[Tell me|Name] the continent of {c}.",
            "What is the continent of {c}?", "To which continent does {c} belong?", "Where in the world is {c}?",
            "In which part of the world is {c}?", "Where can I find {c}?", "{c} is part of which continent?",
            "[Do you know|Tell me|Can you tell me] where {c} is[.|?]", "Which continent has {c}?",
            "Which continent can you find {c} on?", "Where does {c} lie?", "Where is {c} on the map?", "On the map, where is {c}?",
            "Which part of the world is {c} in?", "Name the continent that {c} is part of.", "What is the location of {c}?",
            "{c} lies [on|in] which continent?", "Say on which continent {c} is.", "Where would I find {c}?",
            "In what continent do I find {c}?", "{c}: which continent?", "Of which continent is {c} a part?",
        ],
        [
            "What continent is {c} part of?", "{c} is on what continent?", "Where is {c} located?",
            "Can you tell me which continent {c} is in?", "{c} belongs to which continent?",
        ],
        weight=1.5, follow=["And {c}?", "What about {c}?", "How about {c}?"],
        thought="The user asks for a continent. {answer}",
    )
    yield Family(
        "currency", "countries",
        [Fact({"c": names[c]}, f"The currency of {c} is {money}.") for c, money in F.CURRENCIES.items()],
        [
            "What is the currency of {c}?", "[Which|What] currency does {c} [use|have]?", "[Which|What] money is used in {c}?",
            "[Tell me|Name] the currency of {c}.", "{c} currency", "[Which|What] currency is used in {c}?",
            "What money does {c} use?", "How do people pay in {c}?", "What do people pay with in {c}?", "What is {c}'s currency?",
            "Which money do they have in {c}?", "Do you know the currency of {c}?", "With which money do you pay in {c}?",
        ],
        ["What kind of money is used in {c}?", "In {c}, which currency is used?", "What currency do people use in {c}?",
         "Can you tell me the currency of {c}?"],
        weight=0.7, follow=["And {c}?", "What about {c}?"],
    )
    yield Family(
        "language", "countries",
        [Fact({"c": names[c]}, f"People in {c} speak {tongue}.") for c, tongue in F.LANGUAGES.items()],
        [
            "[Which|What] language is spoken in {c}?", "[Which|What] language do people speak in {c}?", "What is the language of {c}?",
            "[Which|What] language do they speak in {c}?", "[Tell me|Name] the language of {c}.", "{c} language",
            "What do people in {c} speak?", "[Which|What] language do people in {c} speak?", "What do they speak in {c}?",
            "Which language does {c} have?", "Do you know the language of {c}?", "What is the main language in {c}?",
        ],
        ["In {c}, which language is spoken?", "What language is used in {c}?", "What is the language people speak in {c}?",
         "Can you tell me the language of {c}?"],
        weight=0.8, follow=["And {c}?", "What about {c}?"],
    )


def calendar():
    for unit, names in (("day", F.DAYS), ("month", F.MONTHS)):
        n = len(names)
        yield Family(
            f"{unit}-after", "calendar",
            [Fact({"d": [d]}, f"{names[(i + 1) % n]} comes after {d}.") for i, d in enumerate(names)],
            [
                f"[Which|What] {unit} comes after {{d}}?", f"[Which|What] {unit} is after {{d}}?", "What comes after {d}?",
                f"What is the {unit} after {{d}}?", f"[Which|What] {unit} follows {{d}}?", f"Name the {unit} after {{d}}.",
                f"What is the next {unit} after {{d}}?", f"After {{d}} comes which {unit}?", f"Tell me the {unit} after {{d}}.",
                "What is after {d}?", "What follows {d}?", f"Which is the {unit} after {{d}}?", "And after {d}?",
                "After {d} comes what?", f"Do you know which {unit} comes after {{d}}?", f"the {unit} after {{d}}",
            ],
            [f"Tell me which {unit} comes after {{d}}.", f"Which {unit} comes next after {{d}}?",
             f"What {unit} comes right after {{d}}?", f"Can you name the {unit} after {{d}}?", "What comes next after {d}?"],
            weight=0.5, follow=["And after {d}?", "What about after {d}?"], thought="I count forward. {answer}",
        )
        yield Family(
            f"{unit}-before", "calendar",
            [Fact({"d": [d]}, f"{names[(i - 1) % n]} comes before {d}.") for i, d in enumerate(names)],
            [
                f"[Which|What] {unit} comes before {{d}}?", f"[Which|What] {unit} is before {{d}}?", "What comes before {d}?",
                f"What is the {unit} before {{d}}?", f"[Which|What] {unit} precedes {{d}}?", f"Name the {unit} before {{d}}.",
                f"Before {{d}} comes which {unit}?", f"Tell me the {unit} before {{d}}.", "What is before {d}?",
                f"Which is the {unit} before {{d}}?", "And before {d}?", "Before {d} comes what?",
                f"Do you know which {unit} comes before {{d}}?", f"the {unit} before {{d}}", f"What is the last {unit} before {{d}}?",
            ],
            [f"Tell me which {unit} comes before {{d}}.", f"Which {unit} comes right before {{d}}?",
             f"What {unit} comes just before {{d}}?", f"Can you name the {unit} before {{d}}?"],
            weight=0.5, follow=["And before {d}?", "What about before {d}?"], thought="I count backward. {answer}",
        )
    yield Family(
        "month-days", "calendar",
        [Fact({"m": [m]}, f"{m} has {d} days.") for m, d in zip(F.MONTHS, F.MONTH_DAYS)],
        [
            "How many days does {m} have?", "How many days are in {m}?", "How many days are there in {m}?",
            "{m} has how many days?", "What is the number of days in {m}?", "How long is {m}?",
            "Tell me how many days {m} has.", "Tell me the number of days in {m}.", "How many days has {m}?", "days in {m}",
        ],
        ["How many days are there in the month of {m}?", "Do you know how many days {m} has?",
         "How many days does the month of {m} have?", "How many days long is {m}?"],
        weight=0.5, follow=["And {m}?", "What about {m}?"],
    )
    yield Family(
        "month-number", "calendar",
        [Fact({"o": [o]}, f"{m} is the {o} month.") for m, o in zip(F.MONTHS, F.ORDINALS)],
        [
            "[What|Which] is the {o} month?", "[Which|What] month is the {o} month of the year?", "Name the {o} month.",
            "What is the {o} month of the year?", "Which month is the {o}?", "Tell me the {o} month.", "the {o} month",
            "What is the name of the {o} month?", "Which month is number {o}?", "The {o} month is which month?",
            "Say the {o} month of the year.",
        ],
        ["Can you name the {o} month?", "What month is the {o} one?", "Which one is the {o} month?",
         "Please tell me the {o} month of the year."],
        weight=0.5, follow=["And the {o}?", "What about the {o}?"],
    )
    yield Family(
        "planet", "nature",
        [Fact({"o": [o]}, f"{p} is the {o} planet from the Sun.") for p, o in zip(F.PLANETS, F.ORDINALS)],
        [
            "[What|Which] is the {o} planet?", "[Which|What] planet is the {o} from the Sun?", "Name the {o} planet.",
            "What is the {o} planet from the Sun?", "Which planet is the {o}?", "Tell me the {o} planet.",
            "the {o} planet from the Sun", "What is the name of the {o} planet?", "The {o} planet is which planet?",
            "Say the {o} planet from the Sun.", "Which planet is the {o} planet from the Sun?",
        ],
        ["Can you name the {o} planet?", "What planet is the {o} one from the Sun?", "Which one is the {o} planet?",
         "Please tell me the {o} planet from the Sun."],
        weight=0.4, follow=["And the {o}?", "What about the {o}?"],
    )


def arithmetic():
    def number(n):
        return [str(n), str(n), str(n), F.NUMBER_WORDS[n]] if n < len(F.NUMBER_WORDS) else [str(n)]

    def sums(word, pairs, result):
        return [Fact({"x": number(x), "y": number(y)}, f"{x} {word} {y} is {result(x, y)}.") for x, y in pairs]

    upto = range(13)
    shared = [
        "What is {x} OP {y}?", "What is {x} OP {y}?", "What's {x} OP {y}?", "How much is {x} OP {y}?", "{x} OP {y}",
        "{x} OP {y}?", "{x} OP {y} is what?", "{x} OP {y} =", "{x} OP {y} = ?", "[Calculate|Compute|Work out] {x} OP {y}.",
        "[Tell|Give] me {x} OP {y}.", "Can you [calculate|compute] {x} OP {y}?", "What does {x} OP {y} [make|give]?",
        "[Do you know|Tell me|I want to know] what {x} OP {y} is[.|?]", "How much does {x} OP {y} make?",
        "{x} OP {y} is how much?", "I need {x} OP {y}.", "What do you get for {x} OP {y}?", "Say what {x} OP {y} is.",
        "What is the [result|answer] of {x} OP {y}?",
    ]
    held = ["Can you tell me what {x} OP {y} is?", "What do you get if you calculate {x} OP {y}?", "What is {x} OP {y} equal to?",
            "Please work out {x} OP {y}.", "How much do {x} OP {y} make?", "Could you compute {x} OP {y}?"]

    def with_op(patterns, *ops):
        return [p.replace("OP", "[" + "|".join(ops) + "]") for p in patterns]

    follow = ["And {x} OP {y}?", "What about {x} OP {y}?", "{x} OP {y}?"]
    yield Family(
        "plus", "sums", sums("plus", [(x, y) for x in upto for y in upto], lambda x, y: x + y),
        with_op(shared, "plus", "plus", "+") + [
            "[Add|Please add] {x} and {y}.", "What is the sum of {x} and {y}?", "Add {y} to {x}.", "How much is {x} and {y}?",
            "What do you get when you add {x} and {y}?", "{x}+{y}", "{x}+{y}=", "{x} and {y} make what?",
            "[Give me|Tell me] the sum of {x} and {y}.", "I have {x} apples and get {y} more. How many apples do I have?",
        ],
        with_op(held, "plus", "+") + ["What do {x} and {y} add up to?", "Can you add {x} and {y}?"],
        weight=3, follow=with_op(follow, "plus", "+"), thought="I add the two numbers. {answer}",
    )
    yield Family(
        "minus", "sums", sums("minus", [(x, y) for x in upto for y in upto if y <= x], lambda x, y: x - y),
        with_op(shared, "minus", "minus", "-") + [
            "Subtract {y} from {x}.", "What is the difference of {x} and {y}?", "Take {y} from {x}.", "{x}-{y}", "{x}-{y}=",
            "What do you get when you subtract {y} from {x}?", "What is {x} take away {y}?", "What is left of {x} without {y}?",
            "I have {x} apples and give away {y}. How many apples do I have?",
        ],
        with_op(held, "minus", "-") + ["What is the difference between {x} and {y}?", "Can you subtract {y} from {x}?"],
        weight=2, follow=with_op(follow, "minus", "-"), thought="I subtract the second number. {answer}",
    )
    yield Family(
        "times", "sums", sums("times", [(x, y) for x in range(11) for y in range(11)], lambda x, y: x * y),
        with_op(shared, "times", "times", "*", "x") + [
            "Multiply {x} by {y}.", "What is the product of {x} and {y}?", "Multiply {x} and {y}.", "{x}*{y}", "{x}*{y}=",
            "What do you get when you multiply {x} by {y}?", "What is {x} multiplied by {y}?", "How much is {x} multiplied by {y}?",
            "[Give me|Tell me] the product of {x} and {y}.",
        ],
        with_op(held, "times", "*") + ["What is {x} times {y} in total?", "Can you multiply {x} by {y}?"],
        weight=2.5, follow=with_op(follow, "times", "*"), thought="I multiply the two numbers. {answer}",
    )
    many = range(0, 31)
    yield Family(
        "number-after", "numbers", [Fact({"x": number(x)}, f"{x + 1} comes after {x}.") for x in many],
        ["[Which|What] number comes after {x}?", "What comes after {x}?", "What is the number after {x}?", "What is the next number after {x}?",
         "[Which|What] number follows {x}?", "Name the number after {x}.", "What follows {x}?", "What number is after {x}?",
         "Tell me the number after {x}.", "After {x} comes which number?"],
        ["Tell me which number comes after {x}.", "Which number comes right after {x}?", "Which number comes next after {x}?",
         "Can you name the number after {x}?"],
        weight=0.6, follow=["And after {x}?"], thought="I count one up. {answer}",
    )
    yield Family(
        "number-before", "numbers", [Fact({"x": number(x)}, f"{x - 1} comes before {x}.") for x in many if x],
        ["[Which|What] number comes before {x}?", "What comes before {x}?", "What is the number before {x}?",
         "[Which|What] number precedes {x}?", "Name the number before {x}.", "What number is before {x}?",
         "Tell me the number before {x}.", "Before {x} comes which number?", "What is the last number before {x}?"],
        ["Tell me which number comes before {x}.", "Which number comes right before {x}?", "What number comes just before {x}?",
         "Can you name the number before {x}?"],
        weight=0.6, follow=["And before {x}?"], thought="I count one down. {answer}",
    )
    pairs = [(x, y) for x in range(0, 13) for y in range(0, 13) if x != y]
    yield Family(
        "larger", "numbers", [Fact({"x": [str(x)], "y": [str(y)]}, f"{max(x, y)} is larger than {min(x, y)}.") for x, y in pairs],
        ["[Which|What] is [larger|bigger|greater], {x} or {y}?", "[Which|What] number is [larger|bigger|greater], {x} or {y}?",
         "Is {x} or {y} [larger|bigger]?", "What is more, {x} or {y}?", "[Tell me|Name] the [larger|bigger] number of {x} and {y}.",
         "{x} or {y}, which is [larger|bigger]?", "Which number is the [larger|bigger] one, {x} or {y}?",
         "Which of {x} and {y} is [larger|bigger|greater]?",
         "{x} and {y}: which is [larger|bigger]?", "What number is [bigger|larger]: {x} or {y}?", "[Please compare|Compare] {x} and {y}.",
         "Which is more, {x} or {y}?", "Is {x} [larger|bigger] than {y}?", "Is {x} [smaller|less] than {y}?",
         "From {x} and {y}, pick the [larger|bigger].", "Choose the [bigger|larger] number: {x}, {y}.",
         "Given {x} and {y}, which number is [larger|bigger]?", "Which number is higher, {x} or {y}?",
         "Take {x} and {y}. Which is [larger|bigger]?", "Look at {x} and {y}. Which one is [bigger|larger]?",
         "Of the numbers {x} and {y}, which one is [bigger|larger]?", "Do you know which is [larger|bigger], {x} or {y}?"],
        ["Of {x} and {y}, which is larger?", "Which one is bigger, {x} or {y}?", "Tell me which is larger, {x} or {y}.",
         "Between {x} and {y}, which is bigger?"],
        weight=1.2, follow=["And {x} or {y}?"], thought="I compare the two numbers. {answer}",
    )
    yield Family(
        "count", "numbers",
        [Fact({"y": number(y)}, ", ".join(map(str, range(1, y + 1))) + ".") for y in range(2, 21)],
        ["Count to {y}.", "Count from [1|one] to {y}.", "Can you count to {y}?", "Please count to {y}.", "Count up to {y}.",
         "Count until {y}.", "Say the numbers from 1 to {y}.", "[List|Write] the numbers from 1 to {y}.",
         "What are the numbers from 1 to {y}?", "Tell me the numbers from 1 to {y}.", "Could you count up to {y}?"],
        ["Can you count from 1 to {y}?", "I want you to count to {y}.", "Name the numbers from 1 to {y}.", "Start at 1 and count to {y}."],
        weight=1, thought="I count step by step.",
    )


def words():
    yield Family(
        "opposite", "words", [Fact({"w": [a]}, f"The opposite of {a} is {b}.") for a, b in F.OPPOSITES.items()],
        [
            "What is the opposite of {w}?", "What's the opposite of {w}?", "[Tell|Give] me the opposite of {w}.",
            "Name the opposite of {w}.", "opposite of {w}", "What is opposite to {w}?", "Which word is the opposite of {w}?",
            "Do you know the opposite of {w}?", "The opposite of {w} is what?", "[What|Which] word means the opposite of {w}?",
            "{w} is the opposite of what?", "What is the contrary of {w}?", "Say the opposite of {w}.", "What is not {w}?",
            "Give the opposite of the word {w}.",
        ],
        ["Can you tell me the opposite of {w}?", "What word is the opposite of {w}?", "Please name the opposite of {w}.",
         "What is the opposite of the word {w}?"],
        weight=1.5, follow=["And of {w}?", "And {w}?", "What about {w}?"], thought="The user asks for an opposite. {answer}",
    )
    yield Family(
        "plural", "words", [Fact({"w": [a]}, f"The plural of {a} is {b}.") for a, b in F.PLURALS.items()],
        [
            "What is the plural of {w}?", "What's the plural of {w}?", "[Tell|Give] me the plural of {w}.", "Name the plural of {w}.",
            "plural of {w}", "What is the plural form of {w}?", "Do you know the plural of {w}?", "The plural of {w} is what?",
            "How do you say more than one {w}?", "Say the plural of {w}.", "How do you write {w} in the plural?",
            "What is the plural for {w}?", "[Put|Write] {w} [into|in] the plural.", "{w} in the plural", "The noun {w}: what is its plural?",
        ],
        ["Can you tell me the plural of {w}?", "Please name the plural of {w}.", "What is the plural of the word {w}?",
         "Which word is the plural of {w}?"],
        weight=0.8, follow=["And of {w}?", "And {w}?", "What about {w}?"],
    )
    yield Family(
        "past", "words", [Fact({"w": [a]}, f"The past tense of {a} is {b}.") for a, b in F.PAST.items()],
        [
            "What is the past tense of {w}?", "What's the past tense of {w}?", "[Tell|Give] me the past tense of {w}.",
            "Name the past tense of {w}.", "past tense of {w}", "What is the past of {w}?", "Do you know the past tense of {w}?",
            "The past tense of {w} is what?", "How do you say {w} in the past?", "Say the past tense of {w}.",
            "What is the past form of {w}?", "What is the past tense of to {w}?",
            "What is the past tense for {w}?", "In the past tense, what is {w}?", "[Put|Write] {w} [into|in] the past tense.",
            "{w} in the past tense", "The verb {w}: what is its past tense?", "Say {w} in the past tense.", "Which form is the past tense of {w}?",
        ],
        ["Can you tell me the past tense of {w}?", "Please name the past tense of {w}.", "What is the past tense of the verb {w}?",
         "Which word is the past tense of {w}?"],
        weight=0.8, follow=["And of {w}?", "And {w}?", "What about {w}?"],
    )
    for tongue, table in (("French", F.FRENCH), ("German", F.GERMAN), ("Spanish", F.SPANISH)):
        yield Family(
            f"in-{tongue}", "words", [Fact({"w": [a]}, f"{cap(a)} is {b} in {tongue}.") for a, b in table.items()],
            [
                f"What is {{w}} in {tongue}?", f"How do you say {{w}} in {tongue}?", f"How do I say {{w}} in {tongue}?",
                f"Translate {{w}} [to|into] {tongue}.", f"What is the {tongue} word for {{w}}?", f"{{w}} in {tongue}",
                f"Say {{w}} in {tongue}.", f"[Tell|Give] me the {tongue} word for {{w}}.", f"What does {{w}} mean in {tongue}?",
                f"What is {tongue} for {{w}}?", f"Which {tongue} word means {{w}}?", f"How can I say {{w}} in {tongue}?",
                f"In {tongue}, what is {{w}}?", f"In {tongue}, what is the word for {{w}}?", f"What would {{w}} be in {tongue}?",
                f"What do people say for {{w}} in {tongue}?", f"How is {{w}} said in {tongue}?", f"I want to say {{w}} in {tongue}.",
                f"Give the {tongue} translation of {{w}}.", f"What is the {tongue} translation of {{w}}?", f"Write {{w}} in {tongue}.",
                f"In {tongue} please: {{w}}", f"In {tongue}, {{w}} is what?", f"How do they say {{w}} in {tongue}?",
            ],
            [f"Can you translate {{w}} into {tongue}?", f"In {tongue}, how do you say {{w}}?", f"Do you know the {tongue} word for {{w}}?",
             f"How would you say {{w}} in {tongue}?"],
            weight=0.6, follow=["And {w}?", "What about {w}?"],
        )
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    yield Family(
        "letter-after", "words", [Fact({"l": [a]}, f"{b} comes after {a}.") for a, b in zip(letters, letters[1:])],
        ["[Which|What] letter comes after {l}?", "What comes after {l}?", "What is the letter after {l}?", "[Which|What] letter follows {l}?",
         "Name the letter after {l}.", "What is the next letter after {l}?", "Tell me the letter after {l}.",
         "What comes after {l} in the alphabet?", "After {l} comes which letter?", "What follows the letter {l}?"],
        ["Tell me which letter comes after {l}.", "Which letter comes right after {l}?", "What letter is after {l} in the alphabet?",
         "Can you name the letter after {l}?"],
        weight=0.5,
    )
    for group, table in (("definitions", F.DEFINITIONS), ("project", F.ML_DEFINITIONS)):
        defined = []
        for term, other, meaning in table:
            bare = [term.split(" ", 1)[1]] if term.split(" ")[0] in ("a", "an", "the") else [term]
            defined.append(Fact({"d": [term, *filter(None, other.split(","))], "w": bare}, f"{cap(term)} is {meaning}."))
        yield Family(
            f"{group}-define", group, defined,
            [
                "What is {d}?", "What is {d}?", "What's {d}?", "What is {d} [exactly|then]?", "[Define|Describe|Explain] {d}.",
                "[Tell me|Do you know|Explain|Can you say] what {d} is[.|?]", "[What does|What does the word] {w} mean?", "{d}?",
                "Explain what {d} is.", "What do you call {d}?", "What is meant by {w}?", "What do you mean by {d}?",
                "[Give|Tell] me the [definition|meaning] of {w}.", "What is the [definition|meaning] of {w}?", "define {w}",
                "I do not know what {d} is.", "What kind of thing is {d}?", "What can you say about {d}?",
                "Can you [define|explain] {d}?",
            ],
            ["Can you tell me what {d} is?", "How would you define {d}?", "Please explain {d}.", "Could you explain what {d} is?",
             "Tell me the meaning of the word {w}."],
            weight=1.3, follow=["And {d}?", "And what is {d}?", "What about {d}?"],
            thought="The user asks what a word means. {answer}",
        )


def nature():
    colours = []
    for thing, colour in F.COLOURS.items():
        bare = thing.split(" ", 1)[1] if thing.split(" ")[0] in ("a", "an", "the") else thing
        colours.append(Fact({"t": [thing], "n": [bare]}, f"{cap(thing)} is {colour}."))
    yield Family(
        "colour", "colors", colours,
        [
            "[What|Which] color is {t}?", "What is the color of {t}?", "[What|Which] colour is {t}?", "What color does {t} have?",
            "[Tell|Give] me the color of {t}.", "Name the color of {t}.", "color of {t}", "{t} has [which|what] color?",
            "[Do you know|Tell me|Can you say] what color {t} is[.|?]", "In which color is {t}?", "Tell me what the color of {t} is.", "Say the color of {t}.", "{t} is what color?",
            "Do you know the colour of {t}?", "Which color has {t}?", "What is the colour of {t}?", "What color is {n}?",
            "What color do you see when you look at {t}?",
        ],
        ["Can you tell me the color of {t}?", "What color would you say {t} is?", "Please name the color of {t}.",
         "Which color does {t} have?", "Tell me which color {t} is."],
        weight=1.3, follow=["And {t}?", "What about {t}?", "How about {t}?"], thought="The user asks for a color. {answer}",
    )
    yield Family(
        "sound", "animals", [Fact({"a": [article(a)], "n": [a]}, f"{cap(article(a))} says {s}.") for a, s in F.SOUNDS.items()],
        [
            "What does {a} say?", "[What|Which] sound does {a} make?", "What noise does {a} make?", "What sound does the {n} make?",
            "How does {a} sound?", "Tell me the sound of {a}.", "What is the sound of {a}?", "What does the {n} say?",
            "Which noise does {a} make?", "[Make|Say] the sound of {a}.", "{a} says what?", "What do {n}s say?", "How does {a} go?",
        ],
        ["What kind of sound does {a} make?", "Can you make the sound of {a}?", "Tell me what {a} says.",
         "Do you know what sound {a} makes?"],
        weight=0.7, follow=["And {a}?", "What about {a}?", "And the {n}?"],
    )
    yield Family(
        "legs", "animals",
        [Fact({"a": [article(a)], "n": [a]}, f"{cap(article(a))} has {n or 'no'} legs.") for a, n in F.LEGS.items()],
        [
            "How many legs does {a} have?", "How many legs has {a}?", "{a} has how many legs?", "What is the number of legs of {a}?",
            "Tell me how many legs {a} has.", "How many legs does the {n} have?", "On how many legs does {a} walk?",
            "Do you know how many legs {a} has?", "How many legs are on {a}?", "legs of {a}", "Count the legs of {a}.",
            "How many legs do you see on {a}?",
        ],
        ["Can you tell me how many legs {a} has?", "How many legs are there on {a}?", "What number of legs does {a} have?",
         "How many legs would {a} have?"],
        weight=0.8, follow=["And {a}?", "What about {a}?", "And the {n}?"],
    )
    yield Family(
        "baby", "animals",
        [Fact({"n": [a]}, f"A baby {a} is called {article(b)}.") for a, b in F.BABIES.items()],
        [
            "What is a baby {n} called?", "What do you call a baby {n}?", "What is the name [of|for] a baby {n}?", "How is a baby {n} called?",
            "What is a young {n} called?", "[Tell me|Do you know] what a baby {n} is called[.|?]", "What do you call a young {n}?",
            "Name the baby of a {n}.", "What is the baby of a {n} called?", "A baby {n} is called what?", "baby {n}",
            "What is the word for a baby {n}?",
        ],
        ["Can you tell me what a baby {n} is called?", "What do people call a baby {n}?", "What is the right word for a baby {n}?",
         "What name does a baby {n} have?"],
        weight=0.6, follow=["And a baby {n}?", "And a {n}?", "What about a {n}?"],
    )
    yield Family(
        "sides", "numbers", [Fact({"s": [article(s)]}, f"{cap(article(s))} has {n} sides.") for s, n in F.SIDES.items()],
        [
            "How many sides does {s} have?", "How many sides has {s}?", "{s} has how many sides?", "What is the number of sides of {s}?",
            "Tell me how many sides {s} has.", "How many sides are in {s}?", "Do you know how many sides {s} has?",
            "Count the sides of {s}.", "How many sides do you see on {s}?",
        ],
        ["Can you tell me how many sides {s} has?", "How many sides are there in {s}?", "What number of sides does {s} have?"],
        weight=0.4, follow=["And {s}?", "What about {s}?"],
    )
    yield Family(
        "symbol", "nature", [Fact({"e": [e]}, f"The symbol of {e} is {s}.") for e, s in F.SYMBOLS.items()],
        [
            "What is the [|chemical ]symbol [of|for] {e}?", "What's the chemical symbol of {e}?", "[Which|What] symbol does {e} have?",
            "[Tell|Give] me the [|chemical ]symbol of {e}.", "Name the chemical symbol of {e}.", "symbol of {e}",
            "Which letters stand for {e}?", "How is {e} written in chemistry?", "Do you know the symbol of {e}?",
            "What is the symbol of the element {e}?",
        ],
        ["Can you tell me the symbol for {e}?", "Which chemical symbol does {e} have?", "What symbol stands for {e}?",
         "Please name the symbol of {e}."],
        weight=0.5, follow=["And of {e}?", "And {e}?", "What about {e}?"],
    )


def fixed(name, group, rows, weight, thought="I know this one. {answer}"):
    """A family of single facts, each with wordings of its own."""
    made = [Fact({}, answer, ask.split(";"), held.split(";")) for _, answer, ask, held in rows]
    return Family(name, group, made, [], [], weight=weight, thought=thought)


def general():
    yield fixed("general", "general", F.GENERAL, 2.5)
    yield fixed("project", "project", F.PROJECT, 4, "The user asks about this project. {answer}")


def talk():
    yield fixed("small-talk", "talk", F.SMALL_TALK, 4, "The user wants to talk.")
    yield fixed("lists", "lists", F.LISTS, 0.8, "The user wants a list.")


REPEAT_WORDS = """apple banana house tree water river mountain hello yes no OK blue red green yellow seven nine ten cat
dog horse moon sun star light night day book table chair window door garden music summer winter paper letter king
queen bread butter cheese coffee tea train plane ship car road bridge city village ocean island forest flower
happy sad good fine ready stop go start hello goodbye morning evening Paris London Berlin Rome Tokyo Monday Friday""".split()


def repeat_words() -> list[str]:
    """Many words, so that copying pays more than remembering."""
    more = [*F.OPPOSITES, *F.ANIMALS, *F.PLURALS, *F.PAST, *F.NUMBER_WORDS, *F.DAYS, *F.MONTHS, *F.NAMES, *F.PLANETS]
    return list(dict.fromkeys([*REPEAT_WORDS, *more]))



def skills():
    """Things that need copying from the prompt instead of memory."""
    yield Family(
        "repeat", "copying", [Fact({"w": [w]}, f"{w}.") for w in repeat_words()],
        ["Say {w}.", "Say {w}", "Say the word {w}.", "Repeat {w}.", "Repeat the word {w}.", "Repeat after me: {w}.", "Say: {w}.",
         "Please say {w}.", "Just say {w}.", "Answer with {w}.", "Reply with {w}.", "Write {w}.", "Write the word {w}.", "Say only {w}.",
         "Please say the word {w}.", "Could you say {w}?", "I want you to say {w}.", "Tell me the word {w}.", "Now say {w}.", "Type {w}.",
         "Print {w}.", "Echo {w}.", "Only say {w}.", "Respond with {w}.", "Use only the word {w}.", "Can you repeat {w}?", "Will you say {w}?",
         "Answer with the word {w}.", "Can you write {w}?", "Could you repeat the word {w}?", "Give me the word {w}."],
        ["Please repeat the word {w}.", "Can you say {w}?", "Answer only {w}.", "Reply with the word {w}."],
        weight=0.9, thought="The user wants one word.",
    )
    yield Family(
        "name", "copying", [Fact({"n": [n]}, f"Nice to meet you, {n}!") for n in F.NAMES],
        ["My name is {n}.", "I am {n}.", "I'm {n}.", "Hello, I am {n}.", "Hi, my name is {n}.", "Call me {n}.", "You can call me {n}.",
         "Hello! My name is {n}.", "I am called {n}.", "Hi, I'm {n}.", "People call me {n}.", "Hello, {n} is my name.",
         "Good day, I am {n}.", "Nice to see you, I am {n}.", "Let me introduce myself: {n}.", "This is {n}.", "I want to say that I am {n}."],
        ["Good to see you, I am {n}.", "Good to see you, my name is {n}.", "Let me say that my name is {n}.", "The name is {n}."],
        weight=0.8, thought="The user tells a name.",
    )


def unknown():
    """Patterns of questions out of scope; `corpus.py` fills them with things the model was not taught."""
    return [
        "What is {u}?", "What is the {k} of {u}?", "Who is {u}?", "Tell me about {u}.", "How does {u} work?", "Why is {u} so {j}?",
        "Where can I buy {u}?", "Who invented {u}?", "When was {u} {v}?", "How much does {u} cost?", "Explain {u}.",
        "Do you like {u}?", "What do you think about {u}?", "How do I {v2} {u}?", "Is {u} {j}?", "How many {u} are there?",
        "Which {u} is the best?", "Can you {v2} {u}?", "Write an essay about {u}.", "What happened to {u}?", "Compare {u} and {w}.",
        "What is the difference between {u} and {w}?", "How old is {u}?", "How far is {u} from {w}?", "Who won the {u}?",
        "Translate {u} into Japanese.", "Write code for {u}.", "Fix my {u}.", "Give me a recipe for {u}.", "What is the price of {u}?",
        "What will the weather be {t}?", "What time is it?", "What is the date today?", "Who is the president of {c}?",
        "How many people live in {c}?", "What is the population of {c}?", "Who is the king of {c}?", "How big is {c}?",
        "What is the history of {c}?", "What is the flag of {c}?", "What is the weather in {c}?", "Do you know {u}?", "{u}",
        "{u} {w}", "I want to {v2} {u}.", "Should I {v2} {u}?", "My {u} is {j}.", "What does {u} {v2}?", "When does {u} {v2}?",
        "What is {n} plus {m}?", "What is {n} times {m}?", "{n} - {m}", "What is the square root of {n}?", "What is {n} divided by {m}?",
        "Solve {u} for {w}.", "Who wrote {u}?", "Who painted {u}?", "Where is {u}?", "What color is {u}?", "Who are {u}?",
        "Does {u} {v2} {w}?", "Are {u} {j}?", "What is the best {u}?", "Summarize {u}.", "What is the meaning of life?",
        "Why {v2} {u}?", "How can I {v2} a {u}?", "What is your favorite {u}?", "Can I {v2} {u} with {w}?",
        "Who leads the {u}?", "Who rules {c}?", "Who governs {c}?", "Who is the queen of {c}?", "Who is the prime minister of {c}?",
        "Who is the {k} of {c}?", "Who is the {k} of {u}?", "How long is {u}?", "How long did {u} last?", "How long will {u} be?",
        "How much time do I need for {u}?", "Why do you {v2} {u}?", "Why should I {v2} {u}?", "Why do we need {u}?", "Why do some {v2} {u}?",
        "What do experts think about {u}?", "What do we know about {u}?", "What can people do with {u}?", "Who likes {u}?",
        "Where do people {v2} {u}?", "When do people {v2} {u}?", "How do people {v2} {u}?", "What do they tell about {u}?",
        "How much does {z} cost?", "Who invented {z}?", "Where can I buy {z}?", "Do you like {z}?", "What do you think about {z}?",
        "How heavy is {z}?", "Why do people like {z}?", "Who was the first to {v2} {z}?", "How do I {v2} {z}?", "How fast is {z}?",
        "What does {z} cost?", "Is {z} {j}?", "How old is {z}?", "Can you {v2} {z}?", "What do friends say of {z}?", "Who owns {z}?",
        "How many people visit {c}?", "What do people eat in {c}?", "How rich is {c}?", "Is {c} {j}?", "Should I visit {c}?",
        "How long does it take to {v2} {u}?", "How long must I wait for {u}?", "Who runs {c}?", "Who is the boss of {u}?",
    ]


UNKNOWN_HELD = [
    "Can you tell me about {u}?", "What do people say about {u}?", "Who discovered {u}?", "How long does {u} take?",
    "What is the name of the {u} of {w}?", "Who is the leader of {c}?", "How tall is {u}?", "Why do people {v2} {u}?",
    "When will {u} {v2}?",
]

# Nouns and phrases outside the taught facts. The second list is never used in training.
UNKNOWN_THINGS = """quantum physics, the stock market, bitcoin, my neighbor, photosynthesis, a guitar, pizza, the internet,
football, basketball, tennis, chess, a rocket, nuclear energy, the universe, a black hole, democracy, philosophy, Plato,
Albert Einstein, Isaac Newton, Napoleon, Mozart, Beethoven, Elvis, Batman, Star Wars, Harry Potter, the Titanic, the moon
landing, a vaccine, cancer, a cold, my headache, insurance, taxes, a mortgage, my job, a resume, marketing, economics,
inflation, unemployment, the Roman Empire, the French Revolution, World War II, dinosaurs, evolution, DNA, a virus,
bacteria, the brain, love, friendship, happiness, religion, politics, an election, a lawyer, a contract, the law, traffic,
Tesla, Google, Microsoft, Apple, Amazon, Facebook, Twitter, YouTube, Netflix, Linux, Windows, Docker, Kubernetes, Rust,
Java, JavaScript, a database, SQL, an API, a server, React, CSS, HTML, a router, Wi-Fi, Bluetooth, a laptop, my phone,
a camera, a printer, a keyboard, lasagna, sushi, a cake, pancakes, soup, wine, beer, vodka, tofu, vegan food, a diet,
yoga, running shoes, a marathon, swimming pools, skiing, surfing, poker, a lottery, the Olympics, the World Cup,
a skyscraper, architecture, the Renaissance, jazz, opera, ballet, a novel, poetry, Tolstoy, Goethe, Homer, Picasso, Van Gogh,
photography, fashion, a wedding, divorce, my boss, my cat's name, my password, your password, a secret, aliens, ghosts,
magic, astrology, horoscopes, climate change, global warming, solar panels, wind turbines, electric cars, a battery,
a transistor, a laser, radio waves, X-rays, gravity waves, relativity, thermodynamics, calculus, algebra, topology,
group theory, Fourier transforms, differential equations, statistics, machine translation, robots, drones, blockchain,
cryptography, hacking, malware, the deep sea, sharks, tigers, pandas, koalas, butterflies, mushrooms, cacti, roses,
bonsai trees, fertilizer, agriculture, fishing, hunting, camping, hiking, Mars missions, satellites, astronauts, comets,
tectonic plates, earthquakes, tornadoes, hurricanes, tsunamis, floods, glaciers, fossils, diamonds, marble, concrete,
plastic, glass, steel, aluminum, uranium, plutonium, a bomb, a gun, a knife fight, medicine, aspirin, vitamins, sleep,
dreams, memory loss, anxiety, therapy, education, universities, Harvard, Oxford, homework, exams, a visa, a passport,
airports, hotels, cruises, museums in Rome, restaurants, recipes, spaghetti, ketchup, mustard, garlic, onions, cinnamon,
the zorblax, a flumpet, grindlewick, quonset, blorf, snarkle, wibbledy, trantor, zeppelin, umbrage, kaleidoscopes"""
UNKNOWN_THINGS_HELD = """volleyball, string theory, Shakira, rock music, the Berlin Wall, a submarine, penicillin,
origami, karate, popcorn, Python decorators, the Great Fire, lottery numbers, sailing, a violin, Cleopatra, neurons,
garbage collection, mortgages, tornado sirens, a helicopter, dark matter, archery, the Silk Road, yodeling, a blimp,
grobnar, wuzzle, kombucha, Formula One, Spider-Man, the zodiac, parking tickets, ceramics, beekeeping"""
UNKNOWN_ADJECTIVES = """expensive, popular, dangerous, healthy, important, famous, difficult, complicated, slow, good, bad, old,
rare, beautiful, broken, legal, safe, real, strange, useful""".replace("\n", " ").split(", ")
UNKNOWN_VERBS = """build, repair, sell, cook, learn, install, use, grow, clean, find, play, draw, design, test, change, paint,
destroy, explain, understand, copy, help, improve, measure, book, order, program""".replace("\n", " ").split(", ")
UNKNOWN_KINDS = """history, price, meaning, purpose, future, weight, height, speed, age, owner, inventor, president, mayor,
population, distance, temperature, recipe, address, phone number, name, secret, size, origin, cause, effect""".replace("\n", " ").split(", ")
