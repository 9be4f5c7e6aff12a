"""Webhook calls of any forge: headers, and a JSON object that may be hostile."""

import json
import math
import re
from collections.abc import Mapping
from typing import Any, Final, NoReturn

from bot.domain.errors import BadInput, UnsupportedMedia

_SURROGATE: Final = re.compile(rb"\\u[dD][89a-fA-F]")
_CHARSETS: Final = frozenset({"utf-8", "utf8", "us-ascii"})


def header_values(headers: Mapping[str, str], name: str) -> list[str]:
    """Every value of a header, also when it was sent more than once; `name` in lower case."""
    return [value for key, value in headers.items() if key.lower() == name]


def one_header(headers: Mapping[str, str], name: str) -> str:
    """Empty also for one that was sent more than once."""
    values = header_values(headers, name)
    return values[0] if len(values) == 1 else ""


def content_type(headers: Mapping[str, str]) -> str:
    """In lower case. Raises: UnsupportedMedia: compressed, or not in UTF-8."""
    if one_header(headers, "content-encoding").strip().lower() not in ("", "identity"):
        raise UnsupportedMedia("a compressed body is not read")
    kind, _, parameters = one_header(headers, "content-type").partition(";")
    charset = re.search(r"charset\s*=\s*\"?([^\s\";]*)", parameters, re.IGNORECASE)
    if charset and charset[1].lower() not in _CHARSETS:
        raise UnsupportedMedia("the body must be UTF-8")
    return kind.strip().lower()


def not_json(kind: str) -> UnsupportedMedia:
    return UnsupportedMedia(f"content type must be application/json, not {printable(kind, 100) or 'missing'}")


def json_object(payload: bytes) -> dict[str, Any]:
    """Raises: BadInput: not a JSON object, or one with something that can't be stored or means nothing."""
    try:
        data = json.loads(
            payload.decode(),
            parse_constant=_not_a_number,
            parse_float=_finite,
            object_pairs_hook=_without_duplicates,
        )
        if _SURROGATE.search(payload):
            json.dumps(data, ensure_ascii=False).encode()
    except RecursionError:
        raise BadInput("invalid payload: nested too deeply") from None
    except UnicodeError:
        raise BadInput("invalid payload: text that is not Unicode") from None
    except json.JSONDecodeError as error:
        raise BadInput(f"invalid payload: {error.msg} at line {error.lineno} column {error.colno}") from None
    except ValueError as error:
        raise BadInput(f"invalid payload: {printable(str(error), 100)}") from None
    if not isinstance(data, dict):
        raise BadInput("invalid payload: not a JSON object")
    return data


def printable(text: str, limit: int) -> str:
    """For a log line or a name: at most `limit` characters, what can't be seen replaced."""
    return "".join(char if char.isascii() and char.isprintable() else "?" for char in text[:limit])


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key is there twice")
    return found


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError("a number is too large")
    return number


def _not_a_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
