"""A forge that was set up while the server ran is known to every process; what the settings say wins."""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pytest

from bot.app import secrets, setting_up
from bot.bootstrap import build
from bot.bootstrap.process import Bot
from bot.domain.errors import BadInput, Refused
from bot.domain.hosts import Host
from bot.domain.refs import ForgeName
from bot.settings import Settings
from tests.demoforge import private_key

GITHUB: Final = ForgeName("github")
GITLAB: Final = ForgeName("gitlab")
APP: Final = Host(
    name="github",
    url="http://localhost:9",
    webhook_secrets=("a secret of the webhook",),
    app_id="7",
    private_key=private_key(),
)
TOKEN: Final = Host(name="gitlab", url="http://localhost:9", webhook_secrets=(), token="a-token")

Open = Callable[..., Bot]


@pytest.fixture
def process(tmp_path: Path) -> Iterator[Open]:
    """Opens a process of the same installation."""
    opened = []

    def open_one(**more: object) -> Bot:
        settings = Settings(data_dir=tmp_path, workers=0, **more)  # type: ignore[arg-type]  # pydantic checks
        bot = build(settings, now=lambda: datetime.fromtimestamp(time.time(), UTC))
        opened.append(bot)
        return bot

    yield open_one
    for bot in opened:
        bot.engine.dispose()


def test_it_is_known_at_once_here_and_elsewhere_once_that_reads_again(process: Open) -> None:
    here, there = process(), process()
    assert setting_up.is_wanted(here.app)
    setting_up.keep(here.app, APP, actor="ana")
    assert list(here.app.forges) == list(here.app.webhooks) == [GITHUB]
    assert not there.app.forges
    there.reload_forges()
    assert there.app.forge(GITHUB).dialect.has_buttons
    assert not there.app.sign_ins
    assert not setting_up.is_wanted(process().app)


def test_the_same_forge_stays_the_same_object_until_it_is_set_up_anew(process: Open) -> None:
    bot = process()
    setting_up.keep(bot.app, APP, actor="ana")
    first = bot.app.forge(GITHUB)
    bot.reload_forges()
    assert bot.app.forge(GITHUB) is first
    client = replace(APP, client_id="id", client_secret="a client secret")
    setting_up.keep(bot.app, client, actor="ana")
    assert bot.app.forge(GITHUB) is not first
    assert list(bot.app.sign_ins) == [GITHUB]


def test_the_settings_win(process: Open) -> None:
    before = process()
    setting_up.keep(before.app, TOKEN, actor="ana")
    after = process(gitlab_token="another", gitlab_url="http://localhost:8")
    assert list(after.app.forges) == [GITLAB]
    with pytest.raises(Refused, match="settings"):
        setting_up.keep(after.app, TOKEN, actor="ana")


@pytest.mark.parametrize("fault", ["sealed", "key"])
def test_what_can_not_be_used_takes_nothing_from_the_others(process: Open, fault: str) -> None:
    bot = process()
    setting_up.keep(bot.app, TOKEN, actor="ana")
    with bot.app.work() as work:
        broken = replace(APP, private_key="no key")
        value = b"nonsense" if fault == "sealed" else bot.app.vault.encrypt(json.dumps(asdict(broken)).encode())
        work.hosts.put(GITHUB, value, "ana")
    bot.reload_forges()
    assert list(bot.app.forges) == [GITLAB]


def test_credentials_that_can_be_none_are_told_of_before_they_are_kept(process: Open) -> None:
    bot = process()
    with pytest.raises(BadInput):
        setting_up.keep_app(bot.app, "http://localhost:9", "7", "no key", "a" * 20, ("", ""), actor="ana")
    assert setting_up.is_wanted(bot.app)


def test_credentials_are_sealed_anew_with_all_secrets(process: Open) -> None:
    bot = process()
    setting_up.keep(bot.app, APP, actor="ana")
    with bot.app.work() as work:
        (before,) = work.hosts.every()
    assert secrets.reseal(bot.app).done == 1
    with bot.app.work() as work:
        (after,) = work.hosts.every()
    assert after.value != before.value
    assert setting_up.opened(bot.app.vault.decrypt(after.value)) == APP
