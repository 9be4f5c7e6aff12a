"""Names of container images."""

import re
from typing import Final

from bot.app.suitefile.findings import Findings, quoted
from bot.app.suitefile.placeholders import template
from bot.app.suitefile.reading import Node, Text

IMAGE_MAX: Final = 255

_IMAGE: Final = re.compile(
    r"(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::[0-9]{1,5})?/)?"  # registry
    r"[a-z0-9]+(?:(?:\.|__?|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|__?|-+)[a-z0-9]+)*)*"
    r"(?::[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(?:@sha256:[0-9a-f]{64})?"
)
_ENGINE_ID: Final = re.compile(r"(?:sha256:)?[0-9a-f]{64}")
"""Would name whatever image the engine holds, whoever made it."""


def image(node: Node, where: str, found: Findings) -> Text | None:
    """With placeholders it can be looked at when they are filled only."""
    word = template(node, where, found)
    if word is None or word.placeholder is not None:
        return word
    return word if check_image(word.value, word, where, found) else None


def check_image(name: str, written: Text, where: str, found: Findings) -> bool:
    if _is_image(name):
        return True
    shown = f"{quoted(name)} is not the name of an image" if name else "the name of an image is missing"
    lower = name.lower()
    advice = f'names of images are lower case: "{lower}"' if _is_image(lower) else 'write it like "python:3.12-slim"'
    found.add("C112", written.place, f"{where}: {shown}", advice)
    return False


def is_floating(name: str) -> bool:
    """Is it another image from one day to the next? `latest`, or no tag, which means the same."""
    _, _, tag = name.rpartition("/")[2].partition(":")
    return "@" not in name and tag in ("", "latest")


def _is_image(name: str) -> bool:
    return len(name) <= IMAGE_MAX and bool(_IMAGE.fullmatch(name)) and not _ENGINE_ID.fullmatch(name)
