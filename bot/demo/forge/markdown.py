"""Markdown as the forge shows it: tables, code and links, but neither HTML nor pictures of its author's."""

from typing import Final

from markdown_it import MarkdownIt

_MARKDOWN: Final = (
    MarkdownIt("commonmark", {"html": False, "breaks": True, "maxNesting": 20})
    .enable(["table", "strikethrough"])
    .disable("image")
)


def render(text: str) -> str:
    """Safe HTML: what is not Markdown is escaped, and links lead to the web only."""
    return str(_MARKDOWN.render(text))
