"""Forges as the settings name them: what each needs, and what is refused of it."""

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from pydantic import SecretStr

from bot.domain.hosts import Host, address_of

PREFIX: Final = "ASSAY_"
_SHORTEST_SECRET: Final = 16


KINDS: Final = ("github", "gitlab")
HOST_NAME: Final = re.compile(r"(?:github|gitlab)-[a-z][a-z0-9]{0,30}")
PARTS: Final = {
    "github": ("app_id", "private_key", "token", "webhook_secret", "client_id", "client_secret"),
    "gitlab": ("token", "webhook_secret", "client_id", "client_secret"),
}
"""The settings of each kind of forge, any of which sets it up."""
OTHER_PARTS: Final = {"github": ("url", "delivery"), "gitlab": ("url",)}
"""Those that alone set up no forge."""
_DELIVERIES: Final = ("webhook", "poll")
SECRET_PARTS: Final = ("private_key", "token", "webhook_secret", "client_secret")


def host_of(name: str, value_of: Callable[[str], str | None]) -> Host | None:
    """None: nothing of it is set. Raises: ValueError."""
    kind, prefix = name.partition("-")[0], name.replace("-", "_")
    values = {part: value_of(f"{prefix}_{part}") for part in PARTS[kind]}
    if not any(value is not None for value in values.values()):
        return None
    _check_credentials(prefix.upper(), values)
    texts = {part: value or "" for part, value in values.items()}
    secrets = tuple(part for part in (part.strip() for part in texts.pop("webhook_secret").split(",")) if part)
    if values["webhook_secret"] is not None and not secrets:
        raise ValueError(f"{prefix.upper()}_WEBHOOK_SECRET must not be empty")
    if any(len(one) < _SHORTEST_SECRET for one in secrets):
        raise ValueError(f"{prefix.upper()}_WEBHOOK_SECRET: each secret needs at least {_SHORTEST_SECRET} characters")
    token = texts.pop("token").strip()
    polled = kind == "github" and _is_polled(prefix, value_of)
    return Host(
        name=name, url=_url_of(prefix, value_of), webhook_secrets=secrets, token=token, polled=polled, **texts
    )


def _check_credentials(name: str, values: Mapping[str, str | None]) -> None:
    """Raises: ValueError."""
    if bool(values["client_id"]) is not bool(values["client_secret"]):
        raise ValueError(f"{name}_CLIENT_ID and {name}_CLIENT_SECRET go together")
    token, app = values["token"], (values.get("app_id"), values.get("private_key"))
    if token is not None and not token.strip():
        raise ValueError(f"{name}_TOKEN must not be empty")
    if token and any(app):
        raise ValueError(f"{name}_TOKEN stands for a person instead of an App: not beside {name}_APP_ID")
    if token:
        return
    if "app_id" not in values:
        raise ValueError(f"{name}_WEBHOOK_SECRET needs {name}_TOKEN beside it")
    if not all((*app, values["webhook_secret"])):
        needed = f"{name}_APP_ID, {name}_PRIVATE_KEY and {name}_WEBHOOK_SECRET"
        raise ValueError(f"{needed} go together, or {name}_TOKEN")


def _url_of(prefix: str, value_of: Callable[[str], str | None]) -> str:
    try:
        return address_of(value_of(f"{prefix}_url") or "")
    except ValueError as error:
        raise ValueError(f"{prefix.upper()}_URL: {error}") from None


def _is_polled(prefix: str, value_of: Callable[[str], str | None]) -> bool:
    found = value_of(f"{prefix}_delivery") or _DELIVERIES[0]
    if found not in _DELIVERIES:
        raise ValueError(f"{prefix.upper()}_DELIVERY must be {' or '.join(_DELIVERIES)}")
    return found == "poll"


def text_of(value: object) -> str | None:
    found = value.get_secret_value() if isinstance(value, SecretStr) else value
    return None if found is None else str(found)


def of_environment(name: str) -> str | None:
    """A setting of a further host. Raises: ValueError."""
    variable = f"{PREFIX}{name.upper()}"
    text, path = os.environ.get(variable), os.environ.get(f"{variable}_FILE")
    if path is None or not name.endswith(SECRET_PARTS):
        return text
    if text is not None:
        raise ValueError(f"{name.upper()}: set it or {variable}_FILE, not both")
    return content_of(path)


def content_of(path: str) -> str:
    return Path(path).read_text(encoding="utf-8").strip()
