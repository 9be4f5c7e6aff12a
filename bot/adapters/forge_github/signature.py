"""Is a webhook call signed with one of our secrets: on bytes, SHA-256 only, before anything else is looked at."""

import hmac
import re
from collections.abc import Mapping, Sequence
from typing import Final

from bot.domain.errors import BadInput, BadSignature
from bot.foreign.calls import header_values

MIN_SECRET: Final = 16
"""Bytes."""
MAX_SECRETS: Final = 2
"""The one in use and, while it is being changed, its successor."""
_SIGNATURE: Final = re.compile(r"sha256=([0-9a-f]{64})")


def usable_secrets(secrets: Sequence[str]) -> tuple[bytes, ...]:
    """Raises: BadInput: none, too many, or one that can be guessed."""
    if not 1 <= len(secrets) <= MAX_SECRETS:
        raise BadInput(f"one or two webhook secrets are needed, not {len(secrets)}")
    if any(len(secret.strip().encode()) < MIN_SECRET for secret in secrets):
        raise BadInput(f"a webhook secret must have at least {MIN_SECRET} bytes")
    return tuple(secret.encode() for secret in secrets)


def verify(secrets: Sequence[bytes], headers: Mapping[str, str], body: bytes) -> None:
    """Raises: BadSignature: always without a word on what was wrong."""
    given = header_values(headers, "x-hub-signature-256")
    match = _SIGNATURE.fullmatch(given[0]) if len(given) == 1 else None
    if not match:
        raise BadSignature
    digest = match[1].encode()
    valid = [hmac.compare_digest(digest, hmac.new(one, body, "sha256").hexdigest().encode()) for one in secrets]
    if not any(valid):
        raise BadSignature
