"""Is a webhook call from who knows a secret of ours: GitLab's plain token, or a signature (FORGES §3.1)."""

import base64
import binascii
import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from bot.domain.errors import BadInput, BadSignature
from bot.foreign.calls import header_values, one_header

MIN_SECRET: Final = 16
"""Bytes."""
WINDOW: Final = 300
"""Seconds that a signed call may be old, or ahead of our clock."""
_SIGNING: Final = "whsec_"
_ID: Final = re.compile(r"[0-9A-Za-z._-]{1,100}")
_MOST: Final = 10
"""Signatures in one header."""


@dataclass(frozen=True, slots=True)
class Secrets:
    """A signing token demands the signature; the same token sent in clear is worth nothing."""

    tokens: tuple[bytes, ...]
    keys: tuple[bytes, ...]


def usable_secrets(secrets: Sequence[str]) -> Secrets:
    """Raises: BadInput: none, or one that can be guessed or can't be a signing token."""
    if not secrets:
        raise BadInput("a webhook secret is needed")
    signing = [one.removeprefix(_SIGNING) for one in secrets if one.startswith(_SIGNING)]
    try:
        keys = tuple(base64.b64decode(one, validate=True) for one in signing)
    except binascii.Error:
        raise BadInput("a signing token must be whsec_ and base64") from None
    tokens = tuple(one.encode() for one in secrets if not one.startswith(_SIGNING))
    if any(len(one.strip()) < MIN_SECRET for one in (*tokens, *keys)):
        raise BadInput(f"a webhook secret must have at least {MIN_SECRET} bytes")
    return Secrets(tokens, keys)


def verify(secrets: Secrets, headers: Mapping[str, str], body: bytes, now: datetime) -> str:
    """The id that a signed call vouches for; empty for one with a plain token.

    Raises:
        BadSignature: always without a word on what was wrong.
    """
    if _is_token(secrets, headers):
        return ""
    stamp = one_header(headers, "webhook-timestamp")
    delivery = one_header(headers, "webhook-id")
    if not _ID.fullmatch(delivery) or not re.fullmatch(r"[0-9]{1,12}", stamp):
        raise BadSignature
    if abs(int(stamp) - now.timestamp()) > WINDOW:
        raise BadSignature
    signed = f"{delivery}.{stamp}.".encode() + body
    expected = [b"v1," + base64.b64encode(hmac.new(key, signed, "sha256").digest()) for key in secrets.keys]
    given = one_header(headers, "webhook-signature").encode().split()[:_MOST]
    if not any(hmac.compare_digest(one, other) for one in expected for other in given):
        raise BadSignature
    return delivery


def _is_token(secrets: Secrets, headers: Mapping[str, str]) -> bool:
    given = header_values(headers, "x-gitlab-token")
    if len(given) != 1:
        return False
    found = given[0].encode("latin-1", "replace")  # the bytes that came: as such a server reads headers
    return any(hmac.compare_digest(found, token) for token in secrets.tokens)
