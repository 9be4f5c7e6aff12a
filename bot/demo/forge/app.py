"""The App that the pretend forge knows: what it may do, what it is told of, its credentials."""

import secrets
from collections.abc import Mapping
from typing import Final

from cryptography.hazmat.primitives.asymmetric import rsa

from bot.demo.forge.state import Account, App, World

PERMISSIONS: Final = {
    "checks": "write",
    "contents": "read",
    "issues": "write",
    "merge_queues": "read",
    "metadata": "read",
    "pull_requests": "write",
    "statuses": "write",
}
EVENTS: Final = (
    "check_run",
    "check_suite",
    "issue_comment",
    "merge_group",
    "pull_request",
    "pull_request_review_comment",
    "push",
    "repository",
)
"""Both are what the App's manifest asks for: a bot that uses more is refused here as it would be on GitHub."""


def new_app(
    world: World, webhook_url: str, webhook_secret: str, permissions: Mapping[str, str], key: rsa.RSAPrivateKey
) -> App:
    bot = Account(world.new_id(), "assay[bot]", "Bot")
    world.accounts.append(bot)
    return App(
        id=world.new_id(),
        client_id=f"Iv23{world.new_id():016d}",
        client_secret=secrets.token_hex(20),
        slug="assay",
        bot=bot,
        key=key,
        hook_id=world.new_id(),
        webhook_url=webhook_url,
        webhook_secret=webhook_secret,
        permissions=dict(permissions),
        events=list(EVENTS),
    )
