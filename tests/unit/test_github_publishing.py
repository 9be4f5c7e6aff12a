"""What a check run has beyond other forges' checks: our id in it, and annotations that GitHub appends."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.domain.checks import Annotation, Check, CheckStatus, Conclusion
from bot.domain.refs import Sha
from tests.contract.forge_world import GitHubWorld


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


def test_a_check_run_shows_the_id_of_what_it_speaks_for(world: GitHubWorld) -> None:
    sha = world.commit("First widget", {})

    world.forge.publish(world.repository, check_at(sha), None)
    world.forge.publish(world.repository, replace(check_at(sha), external_id="run-2"), None, again=True)

    assert [run.external_id for run in world.github.check_runs(world.repo, sha)] == ["run-1", "run-2"]
