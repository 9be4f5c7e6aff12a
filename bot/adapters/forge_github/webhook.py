"""GitHub's headers of a webhook call, and the JSON of one that came as a form."""

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qs

from bot.domain.errors import BadInput
from bot.foreign.calls import content_type, not_json, one_header, printable

MAX_NAME: Final = 64
_ID: Final = re.compile(r"[0-9A-Za-z._-]{1,100}")


def delivery_key(headers: Mapping[str, str]) -> str:
    """Hook and delivery: one event has the same delivery id for every hook that it goes to (FORGES §1.1).

    Raises:
        BadInput: no delivery id, or none that GitHub would make.
    """
    delivery = one_header(headers, "x-github-delivery")
    if not _ID.fullmatch(delivery):
        raise BadInput("the X-GitHub-Delivery header is missing or malformed")
    hook = one_header(headers, "x-github-hook-id")
    return f"{hook if _ID.fullmatch(hook) else ''}:{delivery}"


def event_name(headers: Mapping[str, str]) -> str:
    return printable(one_header(headers, "x-github-event"), MAX_NAME)


def payload_of(headers: Mapping[str, str], body: bytes) -> bytes:
    """The JSON of the call, taken out of the form when it came as one.

    Raises:
        UnsupportedMedia: neither JSON nor a form, or compressed.
        BadInput: a form without a readable field `payload`.
    """
    match content_type(headers):
        case "application/json":
            return body
        case "application/x-www-form-urlencoded":
            return _form_field(body)
        case other:
            raise not_json(other)


def _form_field(body: bytes) -> bytes:
    try:
        fields = parse_qs(body.decode(), keep_blank_values=True, errors="strict", max_num_fields=20)
    except ValueError:
        raise BadInput("the form can't be read") from None
    values = fields.get("payload", [])
    if len(values) != 1:
        raise BadInput("the form needs one field named payload")
    return values[0].encode()
