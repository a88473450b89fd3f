"""Writes text.txt: sentences that a small grammar makes, about what a few people did where and when."""

from pathlib import Path
from random import Random

PEOPLE = ("Ada", "Ben", "Cleo", "the baker", "the captain", "my neighbour")
DEEDS = ("carried", "painted", "found", "lost", "mended", "sold")
KINDS = ("a small", "a heavy", "the blue", "the last", "an old")
THINGS = ("boat", "lantern", "basket", "clock", "kite")
PLACES = ("by the river", "at the market", "in the garden", "under the bridge")
TIMES = ("in the morning", "at noon", "after the rain", "before dinner")


def sentence(random: Random) -> str:
    """One sentence; the time may stand first."""
    deed = f"{random.choice(DEEDS)} {random.choice(KINDS)} {random.choice(THINGS)}"
    who, where, when = random.choice(PEOPLE), random.choice(PLACES), random.choice(TIMES)
    text = f"{who} {deed} {where} {when}" if random.random() < 0.6 else f"{when}, {who} {deed} {where}"
    return f"{text[0].upper()}{text[1:]}."


def text(sentences: int = 900, seed: int = 0) -> str:
    """The sentences, one a line."""
    random = Random(seed)
    return "".join(f"{sentence(random)}\n" for _ in range(sentences))


if __name__ == "__main__":
    Path(__file__).with_name("text.txt").write_text(text(), encoding="utf-8")
