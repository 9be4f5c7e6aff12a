"""What linters and scanners found, as SARIF 2.1.0 (OASIS) tells it: of each result its first place."""

import json
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import unquote

from bot.app.results import MESSAGE_MAX, Content, Unreadable
from bot.domain.checks import Annotation
from bot.domain.texts import one_line, plain

SIZE_MAX: Final = 32 << 20
_VALUES_MAX: Final = 2_000_000
"""Of JSON: each takes a hundred bytes of memory, however short it is written."""
_MANY: Final = 5000
_LEVELS: Final = {"error": "failure", "warning": "warning", "note": "notice"}
_NUMBER_MAX: Final = 10_000_000


def read_sarif(content: Content) -> list[Annotation]:
    """Raises: Unreadable."""
    data = b""
    while piece := content.read(SIZE_MAX + 1 - len(data)):
        data += piece
    if len(data) > SIZE_MAX:
        raise Unreadable(f"it has more than {SIZE_MAX >> 20} MiB")
    if sum(map(data.count, (b",", b"[", b"{"))) > _VALUES_MAX:
        raise Unreadable(f"it has more than {_VALUES_MAX:,} values")
    try:
        whole = json.loads(data.decode("utf-8-sig", "replace"))
    except (ValueError, RecursionError) as error:
        raise Unreadable("it is not JSON" if data.strip() else "it is empty") from error
    if not isinstance(whole, dict) or not isinstance(whole.get("runs"), list):
        raise Unreadable("it has no runs, which SARIF has")
    found = (_annotation(one) for run in _objects(whole["runs"]) for one in _objects(run.get("results")))
    return [one for _, one in zip(range(_MANY), (one for one in found if one), strict=False)]


def _annotation(result: dict[str, Any]) -> Annotation | None:
    """None for what passed, was suppressed, or is nowhere."""
    level = result.get("level", "warning")
    if result.get("suppressions") or result.get("kind", "fail") != "fail" or level not in _LEVELS:
        return None
    for location in _objects(result.get("locations")):
        physical = _object(location, "physicalLocation")
        path = _text(_object(physical, "artifactLocation"), "uri")
        region = _object(physical, "region")
        if not path:
            continue
        line = _number(region, "startLine") or 1
        return Annotation(
            path=unquote(path.removeprefix("file://")),
            line=line,
            end_line=_number(region, "endLine"),
            column=_number(region, "startColumn"),
            end_column=_number(region, "endColumn"),
            message=plain(_text(_object(result, "message"), "text")) or _text(result, "ruleId") or "no message",
            title=one_line(_text(result, "ruleId"), 200),
            level=_LEVELS[level],
        )
    return None


def _objects(value: object) -> Iterator[dict[str, Any]]:
    return (one for one in value if isinstance(one, dict)) if isinstance(value, list) else iter(())


def _object(value: dict[str, Any], name: str) -> dict[str, Any]:
    inner = value.get(name)
    return inner if isinstance(inner, dict) else {}


def _text(value: dict[str, Any], name: str) -> str:
    inner = value.get(name)
    return inner[:MESSAGE_MAX] if isinstance(inner, str) else ""


def _number(value: dict[str, Any], name: str) -> int:
    inner = value.get(name)
    return inner if type(inner) is int and 0 < inner <= _NUMBER_MAX else 0
