"""From the bytes of a verified webhook call to its delivery id, event name and JSON object."""

import json
import math
import re
from collections.abc import Mapping
from typing import Any, Final, NoReturn
from urllib.parse import parse_qs

from bot.adapters.forge_github.signature import header_values
from bot.domain.errors import BadInput, UnsupportedMedia

MAX_NAME: Final = 64
_ID: Final = re.compile(r"[0-9A-Za-z._-]{1,100}")
_SURROGATE: Final = re.compile(rb"\\u[dD][89a-fA-F]")
_CHARSETS: Final = frozenset({"utf-8", "utf8", "us-ascii"})


def delivery_key(headers: Mapping[str, str]) -> str:
    """Hook and delivery: one event has the same delivery id for every hook that it goes to (FORGES §1.1).

    Raises:
        BadInput: no delivery id, or none that GitHub would make.
    """
    delivery = _one(headers, "x-github-delivery")
    if not _ID.fullmatch(delivery):
        raise BadInput("the X-GitHub-Delivery header is missing or malformed")
    hook = _one(headers, "x-github-hook-id")
    return f"{hook if _ID.fullmatch(hook) else ''}:{delivery}"


def event_name(headers: Mapping[str, str]) -> str:
    return printable(_one(headers, "x-github-event"), MAX_NAME)


def payload_of(headers: Mapping[str, str], body: bytes) -> bytes:
    """The JSON of the call, taken out of the form when it came as one.

    Raises:
        UnsupportedMedia: neither JSON nor a form, or compressed.
        BadInput: a form without a readable field `payload`.
    """
    if _one(headers, "content-encoding").strip().lower() not in ("", "identity"):
        raise UnsupportedMedia("a compressed body is not read")
    kind, _, parameters = _one(headers, "content-type").partition(";")
    charset = re.search(r"charset\s*=\s*\"?([^\s\";]*)", parameters, re.IGNORECASE)
    if charset and charset[1].lower() not in _CHARSETS:
        raise UnsupportedMedia("the body must be UTF-8")
    match kind.strip().lower():
        case "application/json":
            return body
        case "application/x-www-form-urlencoded":
            return _form_field(body)
        case other:
            raise UnsupportedMedia(f"content type must be application/json, not {printable(other, 100) or 'missing'}")


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


def _one(headers: Mapping[str, str], name: str) -> str:
    values = header_values(headers, name)
    return values[0] if len(values) == 1 else ""


def _form_field(body: bytes) -> bytes:
    try:
        fields = parse_qs(body.decode(), keep_blank_values=True, errors="strict", max_num_fields=20)
    except ValueError:
        raise BadInput("the form can't be read") from None
    values = fields.get("payload", [])
    if len(values) != 1:
        raise BadInput("the form needs one field named payload")
    return values[0].encode()


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
