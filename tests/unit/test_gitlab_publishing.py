"""Commit statuses within GitLab's rules for moves, at the place where people see them (FORGES §3.3, F40, C61)."""

from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Final

import pytest

from bot.demo.gitlab.state import MergeRequest, Project
from bot.domain.checks import Check, CheckStatus, Conclusion
from bot.domain.errors import Ambiguous, ForgeUnavailable, Gone, NotAllowed, RateLimited, Refused
from bot.domain.refs import Sha
from tests.contract.gitlab_world import GitLabWorld
from tests.sims.gitlab_wire import answering

STRANGER: Final = 40
STATES: Final = ["queued", "running", *(str(one) for one in Conclusion)]
RANKS: Final = {"queued": 1, "action_required": 1, "running": 2}
LAST: Final = 3


@pytest.fixture
def world(tmp_path: Path) -> GitLabWorld:
    return GitLabWorld(tmp_path)


@pytest.fixture
def sha(world: GitLabWorld) -> Sha:
    return world.commit("One", {"a": b"a"})


def a_check(sha: Sha, state: str = "queued", **more: object) -> Check:
    check = Check(
        name="assay / unit",
        sha=sha,
        external_id="run-1",
        ref="main",
        details_url="https://ci.example.org/b/1/unit",
        status=CheckStatus.QUEUED,
        conclusion=None,
        title=f"It is {state}",
        summary="A table.",
    )
    match state:
        case "queued":
            found = check
        case "running":
            found = replace(check, status=CheckStatus.IN_PROGRESS)
        case "waiting":
            found = replace(check, status=CheckStatus.COMPLETED, conclusion=Conclusion.ACTION_REQUIRED)
        case _:
            found = replace(check, status=CheckStatus.COMPLETED, conclusion=Conclusion(state))
    return replace(found, **more)  # type: ignore[arg-type]  # replace() checks the names


def histories(world: GitLabWorld, sha: Sha) -> list[list[str]]:
    return [one.history for one in world.gitlab.shown(sha)]


@pytest.mark.parametrize(
    ("conclusion", "state"),
    [
        (Conclusion.SUCCESS, "success"),
        (Conclusion.NEUTRAL, "success"),
        (Conclusion.FAILURE, "failed"),
        (Conclusion.TIMED_OUT, "failed"),
        (Conclusion.CANCELLED, "canceled"),
        (Conclusion.SKIPPED, "skipped"),
        (Conclusion.ACTION_REQUIRED, "pending"),
    ],
)
def test_every_end_has_its_state(world: GitLabWorld, sha: Sha, conclusion: Conclusion, state: str) -> None:
    world.forge.publish(world.repository, a_check(sha, conclusion), None)

    assert histories(world, sha) == [[state]]


def test_a_run_goes_through_its_states_once_each(world: GitLabWorld, sha: Sha) -> None:
    ref = None
    for state in ("queued", "queued", "running", "running", "queued", "success"):
        ref = world.forge.publish(world.repository, a_check(sha, state), ref)

    assert histories(world, sha) == [["pending", "running", "success"]]
    assert world.wire.calls("POST", f"/statuses/{sha}") == 3


def test_a_state_that_is_there_already_is_as_good_as_sent(world: GitLabWorld, sha: Sha) -> None:
    for state in ("queued", "queued", "running", "running", "queued"):
        world.forge.publish(world.repository, a_check(sha, state), None)

    assert histories(world, sha) == [["pending", "running"]]


def test_what_runs_cannot_be_skipped_so_it_succeeds_with_the_reason(world: GitLabWorld, sha: Sha) -> None:
    ref = world.forge.publish(world.repository, a_check(sha, "running"), None)
    world.forge.publish(world.repository, a_check(sha, "skipped", title="Skipped: by ana"), ref)

    (status,) = world.gitlab.shown(sha)
    assert (status.state, status.description) == ("success", "Skipped: by ana")


def test_a_status_that_lies_behind_and_cannot_move_is_given_up(world: GitLabWorld, sha: Sha) -> None:
    world.wire.instead = [answering(400, "Cannot transition status via :run from :created (Reason(s): no)")]

    with pytest.raises(Refused):
        world.forge.publish(world.repository, a_check(sha, "running"), None)


def test_another_refusal_is_no_move(world: GitLabWorld, sha: Sha) -> None:
    world.wire.instead = [answering(400, {"name": ["has already been taken"]})]

    with pytest.raises(Refused, match="already been taken"):
        world.forge.publish(world.repository, a_check(sha, "running"), None)


@pytest.mark.parametrize(("first", "second"), list(product(STATES, STATES)))
def test_after_any_two_states_the_second_is_shown_or_the_first_was_further(
    world: GitLabWorld, sha: Sha, first: str, second: str
) -> None:
    ends = first not in ("queued", "running")
    ref = world.forge.publish(world.repository, a_check(sha, first), None)
    world.forge.publish(world.repository, a_check(sha, second), None if ends else ref)

    is_further = RANKS.get(first, LAST) != LAST and RANKS.get(first, LAST) >= RANKS.get(second, LAST)
    assert world.gitlab.shown(sha)[-1].description == f"It is {first if is_further else second}"


def test_a_last_state_whose_answer_was_lost_is_not_sent_twice(world: GitLabWorld, sha: Sha) -> None:
    ref = world.forge.publish(world.repository, a_check(sha, "running"), None)
    world.lose_next_write()
    with pytest.raises(Ambiguous):
        world.forge.publish(world.repository, a_check(sha, "failure"), ref)

    world.forge.publish(world.repository, a_check(sha, "failure"), ref, again=True)

    assert histories(world, sha) == [["running", "failed"]]


def test_texts_and_addresses_keep_to_255_characters(world: GitLabWorld, sha: Sha) -> None:
    check = a_check(sha, title="é" * 300, details_url="https://ci.example.org/" + "x" * 250)
    world.forge.publish(world.repository, check, None)

    (status,) = world.gitlab.shown(sha)
    assert (len(status.description), status.target_url) == (255, "")


def test_gitlab_shows_the_coverage_beside_the_status(world: GitLabWorld, sha: Sha) -> None:
    world.forge.publish(world.repository, a_check(sha, "success", coverage=81.5), None)

    assert [one.coverage for one in world.gitlab.shown(sha)] == [81.5]


def test_the_ref_is_always_given(world: GitLabWorld) -> None:
    sha = Sha(world.gitlab.commit(world.project, "feature/lid", "Two", {}))

    world.forge.publish(world.repository, a_check(sha, ref="feature/lid"), None)

    assert [one.ref for one in world.gitlab.shown(sha)] == ["feature/lid"]


def test_a_lock_of_gitlab_is_worth_another_try(world: GitLabWorld, sha: Sha) -> None:
    world.gitlab.busy = True

    with pytest.raises(ForgeUnavailable) as caught:
        world.forge.publish(world.repository, a_check(sha), None)

    assert not isinstance(caught.value, Ambiguous)


def test_who_may_write_no_statuses_is_told(world: GitLabWorld, sha: Sha) -> None:
    world.project.members[world.gitlab.me] = 20

    with pytest.raises(NotAllowed):
        world.forge.publish(world.repository, a_check(sha), None)


def test_a_change_of_the_project_itself_is_shown_at_its_branch(world: GitLabWorld, sha: Sha) -> None:
    head = world.commit("Better", {"a": b"b"})
    number = world.open_change(head, sha)

    world.forge.publish(world.repository, a_check(head, change=number, ref="better"), None)

    assert [(one.project, one.ref) for one in world.gitlab.shown(head)] == [(world.project.id, "better")]


def test_the_pipeline_that_the_change_shows_takes_the_status(world: GitLabWorld, sha: Sha) -> None:
    head = world.commit("Better", {"a": b"b"})
    number = world.open_change(head, sha)
    world.gitlab.pipelines[4711] = (world.project.id, head, f"refs/merge-requests/{number}/head")

    world.forge.publish(world.repository, a_check(head, change=number, ref="better"), None)

    assert [(one.pipeline, one.ref) for one in world.gitlab.shown(head)] == [(4711, "refs/merge-requests/1/head")]


def fork_of(world: GitLabWorld, level: int) -> tuple[Project, MergeRequest]:
    fork = world.gitlab.add_project("stan/widgets", level)
    world.gitlab.commit(fork, "patch", "A patch", {"p": b"p"})
    return fork, world.gitlab.open(world.project, fork, "patch", STRANGER)


def test_a_change_from_a_fork_is_shown_in_the_fork_where_we_may(world: GitLabWorld) -> None:
    fork, change = fork_of(world, 30)

    world.forge.publish(world.repository, a_check(Sha(change.sha), "waiting", change=1, name="assay"), None)

    assert [(one.project, one.ref, one.state) for one in world.gitlab.shown(change.sha)] == [
        (fork.id, "patch", "pending")
    ]
    assert change.notes == {}


@pytest.fixture
def far(world: GitLabWorld) -> MergeRequest:
    """From a fork where we are nobody."""
    return fork_of(world, 0)[1]


def tell(world: GitLabWorld, change: MergeRequest, state: str, ref: str | None = None, name: str = "assay") -> str:
    return world.forge.publish(world.repository, a_check(Sha(change.sha), state, change=1, name=name), ref)


def test_elsewhere_a_status_in_the_target_and_one_note_say_it(world: GitLabWorld, far: MergeRequest) -> None:
    ref = tell(world, far, "queued")
    ref = tell(world, far, "running", ref)
    assert far.notes == {}

    tell(world, far, "failure", ref)
    tell(world, far, "failure", name="assay / unit")

    (note,) = far.notes.values()
    assert note.body.startswith(f"**It is failure** on `{far.sha[:7]}`")
    assert {(one.project, one.ref) for one in world.gitlab.shown(far.sha)} == {
        (world.project.id, "refs/merge-requests/1/head")
    }


def test_the_note_is_edited_from_then_on(world: GitLabWorld, far: MergeRequest) -> None:
    tell(world, far, "waiting")
    ref = tell(world, far, "running")
    tell(world, far, "success", ref)

    assert [note.body.split(" on ")[0] for note in far.notes.values()] == ["**It is success**"]


def test_a_note_with_our_mark_by_somebody_else_is_left_alone(world: GitLabWorld, far: MergeRequest) -> None:
    theirs = world.gitlab.say(far, STRANGER, "<!-- assay:summary v1 -->")

    tell(world, far, "waiting")

    assert theirs.body == "<!-- assay:summary v1 -->"
    assert len(far.notes) == 2


def test_of_an_older_commit_the_note_says_nothing(world: GitLabWorld, far: MergeRequest) -> None:
    ref = tell(world, far, "running")
    old, far.sha = far.sha, world.gitlab.commit(world.project, "newer", "A newer patch", {})

    world.forge.publish(world.repository, a_check(Sha(old), "cancelled", change=1, name="assay"), ref)

    assert far.notes == {}


def test_where_no_project_takes_statuses_the_note_alone_speaks(world: GitLabWorld, far: MergeRequest) -> None:
    world.project.members[world.gitlab.me] = 20
    ref = tell(world, far, "queued")
    tell(world, far, "failure", ref)

    assert world.gitlab.shown(far.sha) == []
    assert len(far.notes) == 1


def test_where_no_comment_may_speak_none_does(world: GitLabWorld, far: MergeRequest) -> None:
    quiet = a_check(Sha(far.sha), "failure", change=1, name="assay", quiet=True)
    world.forge.publish(world.repository, quiet, None)
    world.project.members[world.gitlab.me] = 20

    with pytest.raises(NotAllowed):
        world.forge.publish(world.repository, replace(quiet, title="Said anew"), None)

    assert far.notes == {}


def test_a_change_whose_fork_is_gone_is_shown_in_the_target(world: GitLabWorld, far: MergeRequest) -> None:
    far.source_is_gone = True

    tell(world, far, "failure")

    assert [one.project for one in world.gitlab.shown(far.sha)] == [world.project.id]
    assert len(far.notes) == 1


def test_a_change_that_is_gone_is_given_up(world: GitLabWorld, sha: Sha) -> None:
    with pytest.raises(Gone):
        world.forge.publish(world.repository, a_check(sha, change=99), None)


def test_no_line_that_we_write_is_a_quick_action(world: GitLabWorld, far: MergeRequest) -> None:
    world.forge.reply(world.repository, 1, "first\n/close\n  /merge", None)

    assert [note.body for note in far.notes.values()] == ["first\n\\/close\n  \\/merge"]


def written(world: GitLabWorld, sha: Sha) -> int:
    """So many checks are taken at once before a pause is asked for."""
    for number in range(100):
        try:
            world.forge.publish(world.repository, a_check(sha, name=f"assay / {number}"), None)
        except RateLimited:
            return number
    return 100


def test_a_heap_of_writes_waits_in_its_own_project_only(world: GitLabWorld, sha: Sha) -> None:
    other = world.gitlab.add_project("octo/other")
    first = Sha(other.head("main"))

    assert 10 < written(world, sha) < 50
    world.forge.publish(replace(world.repository, forge_id=other.id), a_check(first), None)

    assert len(world.gitlab.shown(first)) == 1
