"""Tokens: who may make them, what they look like, and when they let nobody in."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from bot.app import access, queries
from bot.app.access import Forbidden, Unauthorized
from bot.app.queries import ANYBODY, Viewer
from bot.cli.admin import admin
from bot.domain.errors import BadInput, Gone, StoreBusy
from bot.domain.tokens import Scope
from tests.builders import NOON, a_repository
from tests.walks import World

SECRET = "Tq_3-" * 8


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def make(world: World, *scopes: Scope, name: str = "robot", days: int | None = None) -> str:
    ends = None if days is None else NOON + timedelta(days=days)
    return access.create(
        world.app, name, scopes or access.DEFAULT, secret=SECRET, expires_at=ends, actor="command line: root"
    )


def look(world: World, header: str | None) -> Viewer:
    return access.viewer_of(world.app, world.app, header)


def test_a_token_is_known_by_its_bearer(world: World) -> None:
    text = make(world)
    assert text == f"assay_id1_{SECRET}"
    viewer = look(world, f"Bearer {text}")
    assert viewer == Viewer(token="id1", name="robot", scopes=frozenset(access.DEFAULT))
    assert viewer.actor == "token:robot"


def test_the_text_of_a_token_is_kept_nowhere(world: World) -> None:
    text = make(world)
    dump = "\n".join(world.engine.raw_connection().driver_connection.iterdump())  # type: ignore[union-attr]  # sqlite3's
    assert "id1" in dump
    assert SECRET not in dump
    assert text not in dump
    assert SECRET not in repr(access.tokens(world.app))


def test_the_scheme_may_be_written_in_any_case(world: World) -> None:
    assert look(world, f"bEARER {make(world)}").name == "robot"


@pytest.mark.parametrize("header", [None, "Basic cm9ib3Q6cm9ib3Q=", "basic x"])
def test_no_token_is_anybody(world: World, header: str | None) -> None:
    assert look(world, header) == ANYBODY


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer",
        "Bearer ",
        "Bearer assay_id1_" + SECRET[:-1],
        "Bearer assay_id1_" + SECRET + "x",
        "Bearer assay_id2_" + SECRET,
        "Bearer assay_id1_",
        "Bearer  assay_id1_" + SECRET,
        "Bearer assay_id1_" + SECRET + " ",
        "Bearer assay_id1_" + SECRET + "\n",
        "assay_id1_" + SECRET,
        "token assay_id1_" + SECRET,
        "Bearer assay_id1_" + "x" * 100_000,
        "Bearer assay_" + "x" * 100_000 + "_" + SECRET,
        "Bearer assay_%_" + SECRET,
        "Bearer assay_í1_" + SECRET,
        "Bearer \x00",
    ],
)
def test_any_other_header_lets_nobody_in(world: World, header: str) -> None:
    make(world)
    with pytest.raises(Unauthorized):
        look(world, header)


@given(header=st.text())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_header_that_somebody_makes_up_is_a_token(world: World, header: str) -> None:
    with pytest.raises(Unauthorized):
        look(world, f"Bearer {header}")


def test_a_token_ends_at_its_time(world: World) -> None:
    header = f"Bearer {make(world, days=1)}"
    world.now = NOON + timedelta(days=1) - timedelta(seconds=1)
    assert look(world, header).name == "robot"
    world.now = NOON + timedelta(days=1)
    with pytest.raises(Unauthorized):
        look(world, header)


@pytest.mark.parametrize("which", ["robot", "id1"])
def test_a_token_is_revoked_by_name_or_id(world: World, which: str) -> None:
    header = f"Bearer {make(world)}"
    access.revoke(world.app, which, actor="root")
    with pytest.raises(Unauthorized):
        look(world, header)
    with pytest.raises(Gone):
        access.revoke(world.app, which, actor="root")


def test_a_name_is_one_live_token_and_free_when_that_has_ended(world: World) -> None:
    make(world, days=1)
    with pytest.raises(BadInput, match="robot"):
        make(world)
    world.now = NOON + timedelta(days=2)
    make(world)
    access.revoke(world.app, "robot", actor="root")
    make(world, Scope.READ)
    assert [one.revoked_at is None for one in access.tokens(world.app)] == [True, False, True]


@pytest.mark.parametrize("name", ["", "-x", "a b", "a:b", "x" * 64, "é", "a\n", "<b>"])
def test_a_name_that_could_be_misread_is_refused(world: World, name: str) -> None:
    with pytest.raises(BadInput):
        make(world, name=name)


def test_the_last_use_is_written_once_an_hour(world: World) -> None:
    header = f"Bearer {make(world)}"
    look(world, header)
    (first,) = access.tokens(world.app)
    world.now += timedelta(minutes=59)
    look(world, header)
    assert access.tokens(world.app) == [first]
    world.now += timedelta(minutes=2)
    look(world, header)
    (last,) = access.tokens(world.app)
    assert first.used_at
    assert last.used_at
    assert last.used_at - first.used_at > timedelta(hours=1)


def test_a_store_that_is_busy_does_not_keep_readers_out(world: World) -> None:
    def busy() -> None:
        raise StoreBusy("locked")

    text = make(world)
    locked = replace(world.app, work=busy)  # type: ignore[arg-type]  # it never gives one
    assert access.viewer_of(locked, world.app, f"Bearer {text}").name == "robot"


def test_making_and_ending_tokens_is_audited(world: World) -> None:
    make(world)
    access.revoke(world.app, "robot", actor="command line: root")
    with world.app.work() as work:
        entries = work.audit.recent(9, public_only=False)
    assert [(one.actor, one.action, one.subject) for one in entries] == [
        ("command line: root", "revoke token", "token:robot"),
        ("command line: root", "create token", "token:robot"),
    ]


@pytest.mark.parametrize("wanted", list(Scope))
@pytest.mark.parametrize("held", list(Scope))
def test_a_scope_is_what_it_says_and_admin_is_all(wanted: Scope, held: Scope) -> None:
    assert Viewer(token="1", name="x", scopes=frozenset({held})).may(wanted) is (held in (wanted, Scope.ADMIN))


@pytest.mark.parametrize(("viewer", "error"), [(ANYBODY, Unauthorized), (Viewer(token="1", name="x"), Forbidden)])
def test_what_is_missing_is_said_as_what_it_is(viewer: Viewer, error: type[Exception]) -> None:
    with pytest.raises(error, match="runs:write"):
        access.require(viewer, Scope.WRITE)


@pytest.mark.parametrize(
    ("scopes", "sees"),
    [((), False), ((Scope.WRITE, Scope.APPROVE), False), ((Scope.READ,), True), ((Scope.ADMIN,), True)],
)
def test_private_repositories_are_for_tokens_that_may_read(
    world: World, scopes: tuple[Scope, ...], sees: bool
) -> None:
    viewer = Viewer(token="1", name="x", scopes=frozenset(scopes))
    assert queries.may_read(world.app, viewer, a_repository(private=True)) is sees
    assert queries.may_read(world.app, viewer, a_repository())


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[CliRunner]:
    monkeypatch.setenv("ASSAY_DATA_DIR", str(tmp_path))
    monkeypatch.setattr("bot.cli.opening.configure_logs", lambda _: None)
    with capture_logs():
        yield CliRunner()


def test_the_command_prints_the_token_and_nothing_else(command: CliRunner) -> None:
    made = command.invoke(admin, ["token", "create", "robot", "--scope", "builds:approve", "--expires", "90d"])
    assert made.exit_code == 0
    assert made.stdout.startswith("assay_")
    assert len(made.stdout.split()) == 1
    listed = command.invoke(admin, ["token", "list"]).stdout.splitlines()[1].split()
    assert listed[1:4] == ["robot", "live", "builds:approve"]
    assert listed[0] == made.stdout.split("_")[1]


def test_the_command_revokes(command: CliRunner) -> None:
    command.invoke(admin, ["token", "create", "robot"])
    assert command.invoke(admin, ["token", "revoke", "robot"]).exit_code == 0
    assert command.invoke(admin, ["token", "revoke", "robot"]).exit_code == 4
    assert "revoked" in command.invoke(admin, ["token", "list"]).stdout


@pytest.mark.parametrize("life", ["0d", "d", "-1d", "9", "9h", "999999d", "40000d", "٣d"])
def test_a_time_that_is_none_is_refused(command: CliRunner, life: str) -> None:
    assert command.invoke(admin, ["token", "create", "robot", f"--expires={life}"]).exit_code == 2
