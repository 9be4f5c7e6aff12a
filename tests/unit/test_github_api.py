"""What GitHub says about repositories, changes and files, and what is believed of it."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from bot.adapters.forge_github.api import api_url
from bot.demo.forge import objects
from bot.domain.checks import Annotation, Check, CheckStatus, Conclusion
from bot.domain.errors import Ambiguous, BadInput, ForgeUnavailable, Gone, NotAllowed
from bot.domain.refs import Person, Sha
from bot.ports.forge import Permission
from tests.contract.forge_world import GitHubWorld
from tests.sims.github_wire import answering, saying

ANN: Final = Person(31, "ann")


@pytest.fixture
def world(tmp_path: Path) -> GitHubWorld:
    """The token is there already, so the next request is the one that counts."""
    world = GitHubWorld(tmp_path)
    world.grant("ann", 31, "write")
    world.forge.permission(world.repository, ANN)
    world.wire.asked.clear()
    return world


@pytest.fixture
def check(world: GitHubWorld) -> Check:
    return Check(
        name="assay",
        sha=world.commit("One", {}),
        external_id="build-1",
        details_url="http://127.0.0.1:1/b/1",
        status=CheckStatus.COMPLETED,
        conclusion=Conclusion.FAILURE,
        title="Failed",
        summary="It did.",
    )


@pytest.mark.parametrize(
    ("url", "api"),
    [
        ("https://github.com", "https://api.github.com"),
        ("https://github.com/", "https://api.github.com"),
        ("https://ghes.example", "https://ghes.example/api/v3"),
        ("https://ghes.example:8443/", "https://ghes.example:8443/api/v3"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080/api/v3"),
    ],
)
def test_the_api_has_its_own_address(url: str, api: str) -> None:
    assert api_url(url) == api


def test_a_check_that_was_made_but_not_finished_is_ambiguous_and_then_finished(
    world: GitHubWorld, check: Check
) -> None:
    many = replace(check, annotations=(Annotation(path="a", line=1, message="m", title="t"),) * 120)
    world.wire.instead = [None, None, answering(429, retry_after="5")]
    with pytest.raises(Ambiguous) as caught:
        world.forge.publish(world.repository, many, None)
    world.clock.advance(60)

    world.forge.publish(world.repository, many, None, again=True)

    assert caught.value.retry_after == 5
    (run,) = world.github.check_runs(world.repo, check.sha)
    assert (run.conclusion, len(run.annotations)) == ("failure", 120)


def test_a_repository_whose_number_is_not_served_is_found_by_its_name(world: GitHubWorld) -> None:
    world.wire.instead = [answering(404)]

    assert world.forge.repository(world.repository).path == "octo/widgets"


def test_a_name_that_another_repository_has_now_is_not_followed(world: GitHubWorld) -> None:
    with pytest.raises(Gone, match="another repository"):
        world.forge.repository(replace(world.repository, forge_id=78))


def test_a_list_of_checks_without_numbers_is_not_understood(world: GitHubWorld, check: Check) -> None:
    world.wire.instead = [saying(200, b'{"check_runs": [{"external_id": "build-1", "status": "queued"}]}')]

    with pytest.raises(ForgeUnavailable, match="without an id"):
        world.forge.publish(world.repository, check, None, again=True)


def test_a_repository_that_got_anothers_name_is_gone(world: GitHubWorld) -> None:
    first = world.commit("One", {})
    world.open_change(first, first)

    with pytest.raises(Gone, match="another repository"):
        world.forge.change(replace(world.repository, forge_id=78), 1)


def test_a_change_whose_fork_and_author_are_gone_is_read(world: GitHubWorld) -> None:
    first = world.commit("One", {})
    pull = world.pull(world.open_change(first, first))
    shown = objects.pull(world.github.world, pull)
    gone = {**shown, "user": None, "head": {**shown["head"], "repo": None, "user": None}}
    world.wire.instead = [saying(200, json.dumps(gone).encode())]

    change = world.forge.change(world.repository, 1)

    assert (change.head_repository, change.author.id) == (None, 0)


def test_a_commit_that_github_does_not_show_yet_has_no_missing_file(world: GitHubWorld) -> None:
    with pytest.raises(ForgeUnavailable, match="yet"):
        world.forge.read_file(world.repository, Sha("e" * 40), ".assay.yml", 10)


def test_old_names_of_files_count_as_changed(world: GitHubWorld) -> None:
    base = world.commit("One", {"old.py": b"print()\n"})
    head = Sha(world.github.commit(world.repo, "main", {"old.py": None, "new.py": "print()\n"}))

    found = world.forge.changed_files(world.repository, change=None, base=base, head=head)

    assert found is not None
    assert found.paths == ("new.py", "old.py")


def test_a_list_of_files_that_may_be_cut_is_not_complete(world: GitHubWorld) -> None:
    base = world.commit("One", {})
    head = world.commit("Two", {f"f{number}": b"" for number in range(301)})

    found = world.forge.changed_files(world.repository, change=None, base=base, head=head)

    assert found is not None
    assert not found.complete


def test_an_answer_without_a_list_of_files_is_not_an_empty_list(world: GitHubWorld) -> None:
    world.wire.instead = [saying(200, b'{"status": "ahead"}')]

    with pytest.raises(ForgeUnavailable):
        world.forge.changed_files(world.repository, change=None, base=Sha("1" * 40), head=Sha("2" * 40))


def test_nobody_is_asked_about_an_account_without_number(world: GitHubWorld) -> None:
    assert world.forge.permission(world.repository, Person(0, "deploy-key")) is Permission.NONE
    assert world.wire.asked == []


@pytest.mark.parametrize("url", ["", "github.com", "ftp://github.com", "http://", "http://x:nope"])
def test_a_forge_without_a_web_address_is_refused_at_start(url: str) -> None:
    with pytest.raises(BadInput, match="address"):
        api_url(url)


def test_a_change_without_end_of_files_is_not_complete(world: GitHubWorld) -> None:
    base = world.commit("One", {})
    head = world.commit("Two", {f"f{number}": b"" for number in range(3100)})
    number = world.open_change(head, base)

    found = world.forge.changed_files(world.repository, change=number, base=base, head=head)

    assert found is not None
    assert (len(found.paths), found.complete) == (3000, False)


def test_files_that_we_may_not_compare_are_not_unknown(world: GitHubWorld) -> None:
    world.wire.instead = [answering(403)]

    with pytest.raises(NotAllowed):
        world.forge.changed_files(world.repository, change=None, base=Sha("1" * 40), head=Sha("2" * 40))
