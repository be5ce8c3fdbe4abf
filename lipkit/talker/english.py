"""Everyday English, made here: a grammar and word lists, so that a drawn face says more than GRID.

GRID's grammar has 51 words and 39 of English's 44 or so phonemes, in few surroundings. The word
lists below were chosen for their sounds: every phoneme at the beginning, in the middle and at
the end of words where English allows it, and consonants in clusters. A sentence takes about
three seconds.

Every tenth sentence is held out (:func:`held_out`), by its words alone: it is said only where
held-out sentences are asked for, so that no test sentence can have been in training.
"""

import zlib

import numpy as np

HELD_OUT = 10
"""One sentence in so many is held out."""

_LISTS = {
    "name": (
        "Abby Agnes Amir Beth Boyd Bruce Caroline Charlie Chloe Claude Dave Deborah Doyle Edith "
        "Faith Floyd Fiona George Gwen Hugh Ian Ingrid Isabel Jack Josh Joyce Judith Keith "
        "Kevin Leah Louise Luke Maggie Martha Matthew Maurice Naomi Nigel Olga Oscar Owen Paul "
        "Phoebe Quentin Rachel Roy Ruth Samir Sean Sheila Sophie Steve Thelma Tony Uma Vera "
        "Victor Wanda Will Xavier Yasmin Yvonne Zach Zoe"
    ),
    "person": (
        "baker teacher nurse doctor judge farmer painter neighbour stranger cousin brother "
        "mother father uncle aunt child boy girl lawyer plumber sailor pilot butcher coach "
        "waiter chef soldier tailor editor author actor singer youth queen chief guard guest "
        "thief witch shepherd engineer dentist jeweller umpire visitor wizard zookeeper boss"
    ),
    "thing": (
        "apple arch badge bath beach beard bell bench berry bird boat book bottle box bread "
        "breeze bridge brush bubble bulb button cabbage cage camera candle canoe cap card "
        "carpet carrot castle chair cheese cherry chess church cloth cloud coat coin comb couch "
        "cup curtain desk dish door dove drum earring egg elephant engine envelope eye fence "
        "fish flag flame flower fork fridge fudge garage gift giraffe glass globe glove goose "
        "grape guitar hammer hat hedge helmet hive hoof horse house ice ink island jacket jar "
        "jewel juice kettle key kite knife ladder lamp lemon letter lid lime lion lock luggage "
        "map marble mask match measure mirage mirror moth mouse mouth mushroom myth napkin "
        "needle nest net nut oak oar oven owl oyster paddle palm paper parcel path peach pear "
        "pebble pencil pepper phone photo piano picture pillow pipe plum poem potato pouch "
        "prize puzzle quilt rabbit radish raft rope rose ruby salad sandwich scarf shelf shell "
        "ship shoe shovel sleeve smoke snail soap sofa soup spoon sponge stamp statue stove "
        "strawberry string sugar switch table teapot tent thimble thorn thumb ticket tooth "
        "torch towel toy treasure trophy trout truck tube umbrella urn valve van vase vest "
        "village vine violin voyage wagon watch waterfall wave web wheel whistle window wing "
        "wolf wool worm wreath wrist yacht yard yolk zebra zip"
    ),
    "place": (
        "airport attic bakery bank beach bridge cafe castle cellar church cinema city club "
        "cottage court dairy factory farm ferry field forest garage garden harbour hill hotel "
        "island kitchen lake library market meadow museum office orchard park pharmacy quay "
        "river school shop shore square stable station theatre tower town valley village woods "
        "zoo"
    ),
    "adjective": (
        "ancient angry awful bald beige big bitter black blue blunt brave brief bright broad "
        "brown cheap clever cold cool cosy cruel cheerful damp dark deaf deep dirty dry dusty "
        "eager early easy empty fair famous fancy fast fat few fine flat foggy fresh funny "
        "gentle giant golden good grand green grey happy harsh heavy high hollow huge humble "
        "icy itchy jolly juicy keen large lazy light little lonely long loose loud lovely low "
        "lucky mild muddy narrow nasty neat new noisy odd old orange pale perfect pink plain "
        "pleasant polite poor proud purple quick quiet rare raw red rich rough round royal "
        "rusty sad safe salty sharp shiny short shy silly simple sleepy slim slow small smooth "
        "soft sour spare square stale steep strange strong stupid sudden sweet tall tame tasty "
        "thick thin tidy tight tiny tired tough true ugly unusual usual vague vast violet warm "
        "weak weird wet white whole wide wild wise wooden wrong yellow young zany"
    ),
    "past": (
        "admired asked-for avoided banged bathed begged-for bent blamed bought borrowed broke "
        "brought brushed buried burnt called carried carved caught changed chased chewed chose "
        "cleaned closed collected cooked copied counted covered dropped dug-up enjoyed "
        "exchanged finished fixed folded followed forgot found gave-up grabbed heard held hid "
        "hugged hung imagined joined judged kept kicked knew laughed-at left lifted liked lost "
        "loved made measured mended missed moved needed noticed offered opened ordered packed "
        "painted patched phoned picked pinched planned played-with pleased pointed-at polished "
        "posted praised pulled pushed put-away questioned raised reached remembered removed "
        "returned rubbed sang-about sat-on saved saw searched-for sewed shared shook showed "
        "sketched smelled sold soothed split spoiled spread stole stopped swallowed swapped "
        "threw tied-up touched traded trusted tugged used visited wanted warmed washed watched "
        "weighed welcomed wiped wished-for wrapped"
    ),
    "verb": (
        "ask-for avoid bathe beg-for bend borrow break bring brush build buy call carry catch "
        "change choose clean close cook count cover cut draw drive drop enjoy fetch find finish "
        "fix fold follow forget give-up guess have hear help hide hold imagine judge keep kick "
        "know leave like lose love make measure mend mix move need notice offer open order pack "
        "paint pass pick play-with pour pull push put-down reach remember save see sell share "
        "show sketch smell solve spare squeeze start steal stir stop taste teach throw tie "
        "touch trust try use visit wash watch weigh welcome wipe wrap"
    ),
    "adverb": (
        "again already badly barely bravely briefly calmly carefully cheerfully eagerly early "
        "easily fully gently gladly happily hardly honestly hopefully kindly lately loudly "
        "luckily maybe mostly nearly neatly nervously never often only perhaps politely "
        "properly quickly quietly rarely really roughly sadly safely secretly seldom sharply "
        "shortly simply slowly smoothly softly soon still strangely suddenly surely together "
        "truly twice usually warmly"
    ),
    "time": (
        "today tonight yesterday tomorrow at-noon at-midnight before-lunch after-breakfast "
        "last-week next-Thursday on-Monday on-Tuesday on-Wednesday on-Friday in-January "
        "in-March in-June in-August this-morning this-evening every-month all-year for-an-hour "
        "once-a-day by-bus by-ship without-you with-both-hands as-usual for-pleasure "
        "on-television in-the-fog under-the-moon"
    ),
    "number": (
        "two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
        "sixteen seventeen eighteen nineteen twenty thirty-one forty-two fifty-three sixty-four "
        "seventy-five eighty-six ninety-seven a-hundred a-thousand a-million"
    ),
    "plural": (
        "apples badges bags beaches birds boats books boxes bridges bruises buses caves chairs "
        "cheeses children churches clothes clouds coins cups dishes dogs doves ducks ears eggs "
        "eyes fields fish flies forks friends geese gloves hats hedges horses houses jewels "
        "judges keys kites knives leaves legs lions lips matches maths-books mice months moths "
        "mouths nights nuts oranges owls paths peaches pears pictures pies roses shoes songs "
        "sons strawberries teeth thieves thumbs tools toys trees truths vans voices voyages "
        "walls wasps watches wings wishes wolves women yachts years"
    ),
    "weather": ("cloudy foggy freezing icy misty rainy snowy stormy sunny thundery warm windy"),
}
WORDS: dict[str, tuple[str, ...]] = {
    kind: tuple(word.replace("-", " ") for word in text.split()) for kind, text in _LISTS.items()
}
"""The word lists by kind; a few entries are two or three words."""

PATTERNS = (
    "The {adjective} {person} {past} the {thing} {time}.",
    "{name} {past} {number} {adjective} {plural}.",
    "{name} and {name} {past} {an adjective} {thing}.",
    "Why would {name} {verb} my {adjective} {thing}?",
    "Did the {person} {verb} the {thing} {time}?",
    "Could you {verb} the {thing}, please?",
    "Where is the {adjective} {thing} from the {place}?",
    "Please {verb} these {plural} {adverb}.",
    "Don't {verb} the {person}, {verb} the {thing}!",
    "I {adverb} {past} your {thing}, {name}.",
    "We {past} {number} {plural} at the {place}.",
    "She'll {verb} both {plural} and {an adjective} {thing}.",
    "They {past} the {place}, but {name} was {adverb} {adjective}.",
    "How many {plural} did the {person} {verb}?",
    "It is {weather} near the {place} {time}.",
    "My {person} has {an adjective} {thing} and {number} {plural}.",
    "You should {adverb} {verb} that {thing}.",
    "There were {number} {plural} in the {adjective} {place}.",
    "Who {past} the {person}'s {thing} {time}?",
    "If it is {weather}, {verb} the {adjective} {plural}.",
    "Oh, {name}, the {thing} looks {adjective} and {adjective}.",
    "{name}'s {person} {adverb} {past} this {thing}.",
    "My name is spelled {letters}.",
    "The code is {digits}.",
    "Call {digits} and ask for {name}.",
    "{name}, that is {letters}, lives by the {place}.",
    "Room {number} costs {number} pounds {time}.",
    "Yes, {a thing} is {adjective}, {a thing} is not.",
    "Which is {adjective}, the {thing} or the {thing}?",
    "Hm, {number} plus {number} is {number}, isn't it?",
)
"""Sentences with places for words; ``{an adjective}`` and ``{a thing}`` bring their article."""
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_DIGITS = ["oh", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]


def sentence(number: int) -> str:
    """The sentence of that number, 0 or more; the same for the same number.

    >>> sentence(3) == sentence(3)
    True
    """
    rng = np.random.default_rng([number, 20])
    pattern = PATTERNS[int(rng.integers(len(PATTERNS)))]
    parts = pattern.split("{")
    text = parts[0]
    for part in parts[1:]:
        kind, rest = part.split("}", 1)
        text += _fill(kind, rng) + rest
    return text


def _fill(kind: str, rng: np.random.Generator) -> str:
    if kind == "letters":
        count = int(rng.integers(4, 7))
        return ", ".join(rng.choice(list(_LETTERS), count).tolist()).upper()
    if kind == "digits":
        return " ".join(rng.choice(_DIGITS, int(rng.integers(4, 7))).tolist())
    with_article, _, kind = kind.rpartition(" ")
    word = str(rng.choice(WORDS[kind]))
    return f"{article(word)} {word}" if with_article else word


def article(word: str) -> str:
    """``an`` or ``a``, whichever the word's first sound wants."""
    vowel = word[0] in "aeiou" and not word.startswith(("us", "eu", "one"))
    return "an" if vowel else "a"


def held_out(text: str) -> bool:
    """Whether a sentence is one of those that only a held-out corpus says."""
    return zlib.crc32(text.encode()) % HELD_OUT == 0


def choose(speaker: int, clips: int, seed: int, held: bool = False) -> list[str]:
    """``clips`` different sentences for one speaker; the first are the same for any number.

    ``held`` takes the held-out sentences instead of the others.
    """
    rng = np.random.default_rng([seed, speaker, 21])
    chosen: dict[str, None] = {}
    while len(chosen) < clips:
        text = sentence(int(rng.integers(2**31)))
        if held_out(text) == held:
            chosen[text] = None
    return list(chosen)
