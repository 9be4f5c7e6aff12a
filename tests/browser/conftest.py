"""A server, a pretend forge and Debian's Chromium."""

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from bot.adapters.forge_github import GitHubForge
from bot.bootstrap import build
from bot.bootstrap.process import Bot
from bot.demo.forge.github import PretendGitHub
from bot.demo.forge.server import Server
from bot.settings import Settings
from tests.demoforge import private_key, shared_key
from tests.images import DOCKER_HOST
from tests.ports import free_port


@dataclass(frozen=True)
class Site:
    url: str
    github: PretendGitHub
    bot: Bot


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """For one module: while it is there, this thread has a running event loop, which other tests may not expect."""
    with sync_playwright() as playwright:
        # As root it has no sandbox; it sees nothing but our own pages.
        options = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=options)
        yield browser
        browser.close()


@contextmanager
def site(folder: Path, *, has_app: bool) -> Iterator[Site]:
    """`has_app`: the forge is in the settings; otherwise nothing is set up."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    github = PretendGitHub(webhook_url=f"{url}/webhooks/github" if has_app else "", key=shared_key())
    github.start()
    app = {
        "github_app_id": str(github.app.id),
        "github_private_key": private_key(),
        "github_webhook_secret": github.app.webhook_secret,
        "github_client_id": github.app.client_id,
        "github_client_secret": github.app.client_secret,
    }
    settings = Settings(
        url=url,
        data_dir=folder,
        docker_host=DOCKER_HOST,
        github_url=github.url,
        admins="github:ana",
        workers=2,
        disk_reserve=1,
        **(app if has_app else {}),  # type: ignore[arg-type]  # pydantic checks
    )
    bot = build(settings, now=lambda: datetime.fromtimestamp(time.time(), UTC))
    server = Server(bot.asgi, port)  # type: ignore[arg-type]  # a Starlette application
    server.start()
    bot.start()
    try:
        yield Site(url, github, bot)
    finally:
        server.stop()
        bot.stop()
        for forge in bot.app.forges.values():
            assert isinstance(forge, GitHubForge)
            forge.close()
        github.stop()
