"""GitHub with a person's token instead of an App: commit statuses, comments, what is lacking."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.adapters.forge_github.statuses import MAX_DESCRIPTION, status_of
from bot.domain.checks import Check, CheckStatus, Conclusion
from bot.domain.errors import Ambiguous, BadInput, BadSignature, Gone, NotAllowed, Refused
from bot.domain.events import CommentKind, Ignored
from bot.domain.refs import Person, Sha
from bot.ports.forge import Permission, Reaction
from bot.ports.webhooks import Hook
from tests.contract.forge_world import SECRET, GitHubTokenWorld, GitHubWorld, github_forge, signed_headers

SHA: Final = Sha("1" * 40)
URL: Final = "https://ci.example.org/webhooks/github/abc"


@pytest.fixture
def world(tmp_path: Path) -> GitHubTokenWorld:
    return GitHubTokenWorld(tmp_path)


@pytest.fixture
def sha(world: GitHubTokenWorld) -> Sha:
    return world.commit("One", {"a": b"a"})


def a_check(sha: Sha = SHA, **changes: object) -> Check:
    check = Check(
        name="assay / unit",
        sha=sha,
        external_id="run-1",
        details_url="http://127.0.0.1:1/b/1/unit",
        status=CheckStatus.QUEUED,
        conclusion=None,
        title="Queued: waits for a free worker",
        summary="Queued.",
    )
    return replace(check, **changes)  # type: ignore[arg-type]  # replace() checks the names


def ended(conclusion: Conclusion, title: str, sha: Sha = SHA, **changes: object) -> Check:
    return a_check(sha, status=CheckStatus.COMPLETED, conclusion=conclusion, title=title, **changes)


@pytest.mark.parametrize(
    ("check", "state"),
    [
        (a_check(), "pending"),
        (a_check(status=CheckStatus.IN_PROGRESS), "pending"),
        (ended(Conclusion.SUCCESS, "Passed in 3 s"), "success"),
        (ended(Conclusion.FAILURE, "make exited with 1"), "failure"),
        (ended(Conclusion.NEUTRAL, "make exited with 1 (allowed to fail)"), "success"),
        (ended(Conclusion.TIMED_OUT, "Timed out"), "failure"),
        (ended(Conclusion.FAILURE, "Could not run: no image", could_not_run=True), "error"),
        (ended(Conclusion.NEUTRAL, "Could not run (allowed to fail)", could_not_run=True), "success"),
        (ended(Conclusion.CANCELLED, "Cancelled by ana"), "error"),
        (ended(Conclusion.SKIPPED, "Skipped: no file matches"), "success"),
    ],
)
def test_every_state_of_a_check_has_its_status(check: Check, state: str) -> None:
    assert (status_of(check)["state"], status_of(check)["description"]) == (state, check.title)


def test_what_waits_for_approval_is_pending_and_says_how_to_approve() -> None:
    body = status_of(ended(Conclusion.ACTION_REQUIRED, "Not started: a maintainer must approve first"))

    assert body["state"] == "pending"
    assert "waits for approval" in body["description"]
    assert "/ok-to-test" in body["description"]


@given(st.text())
def test_no_title_makes_a_description_that_github_refuses(title: str) -> None:
    assert len(status_of(a_check(title=title))["description"]) <= MAX_DESCRIPTION


def test_a_check_is_a_row_of_statuses_that_link_here(world: GitHubTokenWorld, sha: Sha) -> None:
    ref = world.forge.publish(world.repository, a_check(sha), None)
    world.forge.publish(world.repository, ended(Conclusion.SUCCESS, "Passed", sha), ref)

    assert world.statuses(sha) == [("pending", "Queued: waits for a free worker"), ("success", "Passed")]
    assert {one.target_url for one in world.github.statuses(world.repo, sha)} == {"http://127.0.0.1:1/b/1/unit"}
    assert world.github.check_runs(world.repo, sha) == []


def test_a_status_that_was_made_unheard_is_not_made_again(world: GitHubTokenWorld, sha: Sha) -> None:
    check = ended(Conclusion.FAILURE, "make exited with 1", sha)
    world.wire.lose = 1
    with pytest.raises(Ambiguous):
        world.forge.publish(world.repository, check, None)

    ref = world.forge.publish(world.repository, check, None, again=True)

    assert [str(one.id) for one in world.github.statuses(world.repo, sha)] == [ref]


def test_the_same_words_after_others_are_said_again(world: GitHubTokenWorld, sha: Sha) -> None:
    failed = ended(Conclusion.FAILURE, "make exited with 1", sha)
    for check in (failed, a_check(sha)):
        world.forge.publish(world.repository, check, None)

    world.forge.publish(world.repository, failed, None, again=True)

    assert [state for state, _ in world.statuses(sha)] == ["failure", "pending", "failure"]


def test_a_status_on_a_commit_that_is_not_there_is_refused_for_good(world: GitHubTokenWorld) -> None:
    with pytest.raises(Refused):
        world.forge.publish(world.repository, a_check(Sha("f" * 40)), None)


def test_our_own_comments_are_known_though_a_person_wrote_them(world: GitHubTokenWorld, sha: Sha) -> None:
    number = world.open_change(world.commit("Two", {"b": b"b"}), sha)
    world.github.hooks.held = []
    hook = world.forge.webhooks.put(world.repository, URL, SECRET)

    world.forge.reply(world.repository, number, "/retest", None)

    told = next(one for one in world.github.hooks.held if one.event == "issue_comment" and one.hook)
    heard = world.forge.read(world.github.hooks.headers_of(told), told.body, [SECRET])
    assert heard.event == Ignored("a comment by ourselves")
    assert heard.key.startswith(f"{hook}:")


def test_comments_reactions_and_permissions_work_as_with_an_app(world: GitHubTokenWorld, sha: Sha) -> None:
    number = world.open_change(world.commit("Two", {"b": b"b"}), sha)
    world.grant("ann", 31, "write")
    comment = world.comment(number, "/retest", CommentKind.CHANGE)

    world.forge.react(world.repository, 1, comment, CommentKind.CHANGE, Reaction.SEEN)
    ref = world.forge.reply(world.repository, number, "first", None)
    world.forge.reply(world.repository, number, "second", ref)

    assert world.reactions(comment) == ["eyes"]
    assert [text.splitlines()[0] for text in world.comments(number).values()] == ["/retest", "second"]
    assert world.forge.permission(world.repository, Person(31, "ann")) is Permission.WRITE


def test_git_gets_the_token_for_this_host_alone(world: GitHubTokenWorld) -> None:
    assert world.reads_with(world.forge.access(world.repository).headers)
    with pytest.raises(Refused):
        world.forge.access(replace(world.repository, clone_url="https://elsewhere.example/octo/widgets.git"))


def test_a_repository_is_found_by_its_name(world: GitHubTokenWorld) -> None:
    seen = world.forge.find("octo/widgets")

    assert (seen.forge_id, seen.installation) == (world.repo.id, None)
    with pytest.raises(Gone):
        world.forge.find("octo/nothing")


def test_without_a_secret_of_the_installation_no_call_is_believed(world: GitHubTokenWorld) -> None:
    body = b"{}"
    with pytest.raises(BadSignature):
        world.forge.read(signed_headers("ping", body, secret=""), body)


def test_an_app_needs_its_secret(tmp_path: Path) -> None:
    world = GitHubWorld(tmp_path)
    with pytest.raises(BadInput):
        github_forge(world.wire.client(), "1", world.clock, world.telemetry, secrets=[])


def test_what_is_lacking_is_told_only_where_it_is(world: GitHubTokenWorld, tmp_path: Path) -> None:
    assert any("buttons" in line for line in world.forge.lacks())
    assert GitHubWorld(tmp_path / "app").forge.lacks() == ()


def test_all_is_well_with_all_scopes(world: GitHubTokenWorld) -> None:
    found = world.forge.examine()

    assert "robo" in found[0].text
    assert all(one.ok for one in found)


@pytest.mark.parametrize(("held", "missing"), [(["repo"], "admin:repo_hook"), (["admin:repo_hook"], "repo")])
def test_a_missing_scope_is_named(tmp_path: Path, held: list[str], missing: str) -> None:
    found = GitHubTokenWorld(tmp_path, scopes=held).forge.examine()

    assert [one.text for one in found if not one.ok] == [f"the token lacks the scope {missing}"]


def test_a_token_that_github_does_not_know_is_told_of(world: GitHubTokenWorld) -> None:
    world.github.world.personal_tokens.clear()

    (only,) = world.forge.examine()

    assert (only.ok, "ASSAY_GITHUB_TOKEN" in only.help) == (False, True)


def test_a_missing_permission_of_the_app_is_named(tmp_path: Path) -> None:
    world = GitHubWorld(tmp_path)
    assert all(one.ok for one in world.forge.examine())
    world.github.app.permissions["checks"] = "read"
    world.github.app.events.remove("push")

    bad = [one.text for one in world.forge.examine() if not one.ok]

    assert ["checks: write" in bad[0], "push" in bad[1], len(bad)] == [True, True, 2]


def test_an_app_without_what_results_fall_back_to_is_not_wrong(tmp_path: Path) -> None:
    world = GitHubWorld(tmp_path)
    del world.github.app.permissions["statuses"]

    (found,) = [one for one in world.forge.examine() if one.help]

    assert (found.ok, "statuses: write" in found.text) == (True, True)


@pytest.mark.parametrize(("scopes", "role"), [(["repo"], "admin"), (["repo", "admin:repo_hook"], "write")])
def test_who_may_not_make_webhooks_is_told_what_is_needed(tmp_path: Path, scopes: list[str], role: str) -> None:
    world = GitHubTokenWorld(tmp_path, scopes=scopes, role=role)

    with pytest.raises(NotAllowed, match=r"admin:repo_hook.*must be an admin"):
        world.forge.webhooks.put(world.repository, URL, SECRET)


def test_a_webhook_sends_only_what_is_read_as_json(world: GitHubTokenWorld) -> None:
    world.forge.webhooks.put(world.repository, URL, SECRET)

    (hook,) = world.github.world.hooks
    assert hook.config == {"url": URL, "content_type": "json", "insecure_ssl": "0", "secret": SECRET}
    assert set(hook.events) == {
        "push",
        "pull_request",
        "issue_comment",
        "pull_request_review_comment",
        "repository",
    }


def test_all_pages_of_deliveries_are_read(world: GitHubTokenWorld) -> None:
    hook = Hook(world.repository, world.forge.webhooks.put(world.repository, URL, SECRET))
    ping = world.github.hooks.held or []
    for number in range(250):
        world.github.hooks.sent.append(
            replace(ping[-1], id=10_000 + number, guid=f"g{number}", delivered_at=world.clock.time())
        )

    found = world.forge.webhooks.sent(hook, world.clock.now() - timedelta(hours=1))

    assert [one.key for one in found] == [f"g{number}" for number in reversed(range(250))]
