"""What a check run has beyond other forges' checks: our id in it, and annotations that GitHub appends."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.domain.checks import Annotation, Check, CheckStatus, Conclusion
from bot.domain.errors import NotAllowed, Refused
from bot.domain.refs import Sha
from tests.contract.forge_world import GitHubWorld
from tests.sims.github_wire import answering


@pytest.fixture
def world(tmp_path: Path) -> GitHubWorld:
    return GitHubWorld(tmp_path)


def check_at(sha: Sha) -> Check:
    return Check(
        name="assay / unit",
        sha=sha,
        external_id="run-1",
        details_url="http://127.0.0.1:1/b/1/unit",
        status=CheckStatus.COMPLETED,
        conclusion=Conclusion.SUCCESS,
        title="Passed",
        summary="It did.",
        completed_at=datetime(2026, 3, 1, 12, tzinfo=UTC),
    )


@pytest.mark.parametrize("count", [0, 1, 50, 51, 120])
def test_every_annotation_arrives_once(world: GitHubWorld, count: int) -> None:
    sha = world.commit("First widget", {"a.py": b"print()\n"})
    notes = [Annotation(path="a.py", line=n + 1, message=f"wrong {n}", title="wrong") for n in range(count)]
    check = replace(check_at(sha), annotations=tuple(notes))

    ref = world.forge.publish(world.repository, check, None)
    world.forge.publish(world.repository, check, ref, again=True)

    (run,) = world.github.check_runs(world.repo, sha)
    assert (run.status, len(run.annotations)) == ("completed", count)


@pytest.mark.parametrize("refused", [1, 2, 3])
def test_annotations_that_are_refused_never_keep_the_conclusion_back(world: GitHubWorld, refused: int) -> None:
    """`refused`: which of the requests that carry them."""
    sha = world.commit("First widget", {"a.py": b"print()\n"})
    notes = [Annotation(path="a.py", line=n + 1, message=f"wrong {n}", title="wrong") for n in range(120)]
    check = replace(check_at(sha), annotations=tuple(notes))
    world.forge.publish(world.repository, replace(check_at(sha), name="assay / lint"), None)
    world.wire.instead = [None] * (refused - 1) + [answering(422)]

    world.forge.publish(world.repository, check, None)

    (run,) = (one for one in world.github.check_runs(world.repo, sha) if one.name == check.name)
    assert (run.status, run.conclusion, len(run.annotations)) == ("completed", "success", 50 * (refused - 1))


def test_a_check_that_is_refused_without_annotations_is_refused(world: GitHubWorld) -> None:
    sha = world.commit("First widget", {})
    world.forge.publish(world.repository, replace(check_at(sha), name="assay / lint"), None)
    world.wire.instead = [answering(422)]

    with pytest.raises(Refused):
        world.forge.publish(world.repository, check_at(sha), None)


def test_a_check_run_shows_the_id_of_what_it_speaks_for(world: GitHubWorld) -> None:
    sha = world.commit("First widget", {})

    world.forge.publish(world.repository, check_at(sha), None)
    world.forge.publish(world.repository, replace(check_at(sha), external_id="run-2"), None, again=True)

    assert [run.external_id for run in world.github.check_runs(world.repo, sha)] == ["run-1", "run-2"]


def test_an_app_that_may_make_no_check_runs_speaks_in_statuses(world: GitHubWorld) -> None:
    sha = world.commit("First widget", {})
    granted = world.github.world.installations[0].permissions
    granted["statuses"] = granted.pop("checks")
    queued = replace(check_at(sha), status=CheckStatus.QUEUED, conclusion=None, title="Queued", completed_at=None)

    ref = world.forge.publish(world.repository, queued, None)
    world.forge.publish(world.repository, check_at(sha), ref)

    assert [one.state for one in world.github.statuses(world.repo, sha)] == ["pending", "success"]
    assert world.github.check_runs(world.repo, sha) == []


def test_an_app_that_may_do_neither_is_told_what_it_needs(world: GitHubWorld) -> None:
    sha = world.commit("First widget", {})
    for name in ("checks", "statuses"):
        world.github.world.installations[0].permissions.pop(name)

    with pytest.raises(NotAllowed, match="checks=write"):
        world.forge.publish(world.repository, check_at(sha), None)
