"""GitLab's headers of a webhook call."""

import hashlib
import re
from collections.abc import Mapping
from typing import Final

from bot.foreign.calls import content_type, not_json, one_header, printable

MAX_NAME: Final = 64
_ID: Final = re.compile(r"[0-9A-Za-z._-]{1,100}")


def delivery_key(headers: Mapping[str, str], body: bytes, signed_id: str) -> str:
    """The same when a delivery is sent again (FORGES §3.1).

    Before 17.4 there is no such id: all that one push brings about shares its event's, so the body counts as well.
    """
    key = signed_id or one_header(headers, "idempotency-key")
    if _ID.fullmatch(key):
        return key
    event = one_header(headers, "x-gitlab-event-uuid")
    digest = hashlib.sha256(event_name(headers).encode() + b"\n" + body).hexdigest()
    return f"{event if _ID.fullmatch(event) else ''}:{digest}"


def event_name(headers: Mapping[str, str]) -> str:
    return printable(one_header(headers, "x-gitlab-event"), MAX_NAME)


def check_media(headers: Mapping[str, str]) -> None:
    """Raises: UnsupportedMedia: not plain JSON."""
    kind = content_type(headers)
    if kind != "application/json":
        raise not_json(kind)
