"""Forms of our own pages: small, plain fields only."""

from typing import Final
from urllib.parse import parse_qsl

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request

from bot.domain.errors import BadInput
from bot.web.bodies import Unread, read_body

_SMALL: Final = 16 << 10
"""Bytes."""
_FIELDS: Final = 50


async def read_form(request: Request, limit: int = _SMALL) -> dict[str, str]:
    """Raises: BadInput; HTTPException when it is too large, too slow or never whole."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        raise BadInput("not a form")
    try:
        body = await read_body(request, limit, 10.0)
    except Unread as error:
        raise HTTPException(error.status, error.reason, {"Connection": "close"}) from error
    except ClientDisconnect as error:
        raise HTTPException(400) from error
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=_FIELDS, errors="strict")
    except ValueError as error:
        raise BadInput("not a form") from error
    return dict(pairs)
