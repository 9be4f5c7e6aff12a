"""The page of the pretend forge: what people see there and what its buttons do."""

from collections.abc import Iterator

import httpx
import pytest

from bot.demo.forge import markdown
from bot.demo.forge.github import PretendGitHub
from bot.demo.forge.state import CheckRun, Pull
from bot.demo.hello import Hello
from bot.demo.on_github import OnGitHub
from tests.demoforge import pretend_github


@pytest.fixture
def github() -> Iterator[PretendGitHub]:
    with pretend_github() as started:
        yield started


@pytest.fixture
def pull(github: PretendGitHub) -> Pull:
    return Hello(OnGitHub(github)).open()


def page(github: PretendGitHub, path: str = "/") -> httpx.Response:
    return httpx.get(f"{github.url}{path}", trust_env=False)


def press(github: PretendGitHub, name: str, pull: Pull | None = None, site: str = "same-origin") -> int:
    data = {"pull": str(pull.id)} if pull else {}
    headers = {"Sec-Fetch-Site": site}
    return httpx.post(f"{github.url}/press/{name}", data=data, headers=headers, trust_env=False).status_code


def steer(github: PretendGitHub, site: str = "same-origin", **data: str) -> int:
    headers = {"Sec-Fetch-Site": site}
    return httpx.post(f"{github.url}/steer", data=data, headers=headers, trust_env=False).status_code


def show_check(github: PretendGitHub, pull: Pull, **values: str) -> CheckRun:
    values = {"name": "assay / unit", "status": "completed", "conclusion": "success", **values}
    run = CheckRun(id=github.world.new_id(), suite=1, repo=pull.repo, sha=pull.head_sha, **values)  # type: ignore[arg-type]  # texts only
    github.world.checks.append(run)
    return run


def test_it_says_that_it_is_pretended(github: PretendGitHub) -> None:
    answer = page(github)
    assert "This is not GitHub" in answer.text
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("path", ["/", "/demo/hello", "/demo/hello/pull/1"])
def test_a_check_with_its_texts_and_its_link(github: PretendGitHub, pull: Pull, path: str) -> None:
    show_check(github, pull, title="Passed in 1s", summary="two\nlines", details_url="http://127.0.0.1/b/1/unit")
    text = page(github, path).text
    assert all(
        part in text
        for part in ("✓", "assay / unit", "Passed in 1s", "two<br />\nlines", "http://127.0.0.1/b/1/unit")
    )


def test_a_check_run_has_an_address(github: PretendGitHub, pull: Pull) -> None:
    run = show_check(github, pull)
    assert "Say hello in German" in page(github, f"/demo/hello/runs/{run.id}").text


@pytest.mark.parametrize("path", ["/demo/hello/pull/9", "/demo/hello/runs/9", "/demo/other", "/favicon.ico"])
def test_other_addresses_are_empty(github: PretendGitHub, pull: Pull, path: str) -> None:
    assert page(github, path).status_code == 404


def test_hostile_text_stays_text(github: PretendGitHub, pull: Pull) -> None:
    pull.title = "<script>alert(1)</script>"
    show_check(github, pull, summary="</pre><img src=x onerror=alert(1)>", name='"><b>')
    text = page(github).text
    assert not any(part in text for part in ("<script", "<img", '"><b>'))


def test_texts_are_shown_as_markdown(github: PretendGitHub, pull: Pull) -> None:
    table = "| suite | time |\n| --- | ---: |\n| [unit](http://127.0.0.1/u) | 2s |"
    show_check(github, pull, summary=f"**Failed**\n\n```\nwanted: <b>\n```\n\n{table}", text="image `busybox`")
    github.comment(pull, "ada", "~~no~~ *yes*")
    text = page(github).text
    assert all(
        part in text
        for part in (
            "<strong>Failed</strong>",
            "<pre><code>wanted: &lt;b&gt;\n</code></pre>",
            '<td><a href="http://127.0.0.1/u">unit</a></td>',
            "image <code>busybox</code>",
            "<s>no</s> <em>yes</em>",
        )
    )


@pytest.mark.parametrize(
    "hostile",
    [
        "<img src=x onerror=alert(1)>",
        "<script>alert(1)</script>",
        "[x](javascript:alert(1))",
        "[x](data:text/html;base64,PHNjcmlwdD4=)",
        "![x](http://127.0.0.1:9/x.png)",
        '[x](http://127.0.0.1/ "onmouseover=alert(1)")\n<b onclick=alert(1)>',
        "> " * 5000 + "deep",
        "```</code></pre><script>alert(1)</script>",
    ],
)
def test_hostile_markdown_is_shown_and_does_nothing(hostile: str) -> None:
    made = markdown.render(hostile)
    assert not any(part in made for part in ("<img", "<script", "<b ", 'href="javascript', 'href="data'))


def test_the_address_of_a_check_run_shows_the_texts_of_that_one_only(github: PretendGitHub, pull: Pull) -> None:
    failed = show_check(github, pull, conclusion="failure", name="assay")
    passed = show_check(github, pull, conclusion="success")
    assert page(github).text.count("<details") == 2
    assert '<details class="check failure" open' in page(github).text
    assert '<details class="check success">' in page(github).text
    assert '<details class="check success" open' in page(github, f"/demo/hello/runs/{passed.id}").text
    assert '<details class="check success">' in page(github, f"/demo/hello/runs/{failed.id}").text


@pytest.mark.parametrize(("status", "again"), [("in_progress", True), ("queued", True), ("completed", False)])
def test_it_looks_again_by_itself_while_something_is_under_way(
    github: PretendGitHub, pull: Pull, status: str, again: bool
) -> None:
    show_check(github, pull, status=status)
    assert ('http-equiv="refresh"' in page(github).text) is again


def test_the_buttons_play_a_round(github: PretendGitHub) -> None:
    Hello(OnGitHub(github))
    press(github, "openapullrequest")
    pull = github.world.pulls[0]
    opened = pull.head_sha
    press(github, "breakit", pull)
    broken = pull.head_sha
    press(github, "fixit", pull)
    assert len({opened, broken, pull.head_sha}) == 3
    press(github, "close", pull)
    assert pull.is_open is False


def test_a_stranger_opens_a_pull_request_from_a_fork(github: PretendGitHub) -> None:
    Hello(OnGitHub(github))
    press(github, "openapullrequestasastranger")
    pull = github.world.pulls[0]
    assert pull.author.login == "newbie"
    assert f"newbie:{pull.head_ref}" in page(github).text
    before = pull.head_sha
    press(github, "breakit", pull)
    assert pull.head_sha != before
    github.delete_fork(pull)
    assert "a deleted fork" in page(github).text


def test_a_button_under_a_closed_pull_request_does_nothing(github: PretendGitHub, pull: Pull) -> None:
    github.close_pull(pull)
    before = pull.head_sha
    assert press(github, "breakit", pull) == 303
    assert pull.head_sha == before


@pytest.mark.parametrize(("name", "site", "status"), [("nothing", "same-origin", 404), ("open", "cross-site", 403)])
def test_other_presses_are_refused(github: PretendGitHub, pull: Pull, name: str, site: str, status: int) -> None:
    assert press(github, name, site=site) == status
    assert len(github.world.pulls) == 1


def test_a_comment_is_written_as_the_chosen_person(github: PretendGitHub, pull: Pull) -> None:
    assert steer(github, pull=str(pull.id), by="ada", body="/retest <b>") == 303

    assert [(each.author.login, each.body) for each in github.comments(pull)] == [("ada", "/retest <b>")]
    assert "/retest &lt;b&gt;" in page(github).text


def test_comments_show_their_reactions_and_their_place(github: PretendGitHub, pull: Pull) -> None:
    github.comment(pull, "eve", "/retest")
    github.review_comment(pull, "eve", "why?", path="hello.sh", line=4)
    comment = github.comments(pull)[0]
    comment.reactions[github.app.bot.id, "confused"] = 1

    text = page(github).text
    assert all(part in text for part in ("eve", "/retest", "😕", "why?", "hello.sh:4"))


def test_people_who_may_write_come_first(github: PretendGitHub, pull: Pull) -> None:
    fork = github.fork(pull.repo, "abe")
    github.commit(fork, "idea", {"b": "1"})
    github.open_pull(pull.repo, "idea", fork=fork)

    text = page(github, "/demo/hello/pull/2").text
    assert text.index("ada (write)") < text.index("abe (read)") < text.index("newbie (none)")


def test_a_check_is_asked_for_again_by_its_button(github: PretendGitHub, pull: Pull) -> None:
    github.hooks.settle()
    run = show_check(github, pull)
    steer(github, pull=str(pull.id), by="ada", body="", check=str(run.id))
    github.hooks.settle()

    assert f'value="{run.id}"' in page(github).text
    last = github.hooks.sent[-1]
    assert (last.event, last.action, last.payload["sender"]["login"]) == ("check_run", "rerequested", "ada")


def test_our_own_buttons_stand_beside_their_check(github: PretendGitHub, pull: Pull) -> None:
    run = show_check(github, pull, conclusion="action_required")
    run.actions = [{"label": "Approve it", "description": "Run this commit", "identifier": "approve"}]
    steer(github, pull=str(pull.id), by="ada", body="", check=f"{run.id}:approve")
    steer(github, pull=str(pull.id), by="ada", body="", check=f"{run.id}:something else")
    github.hooks.settle()

    assert "Approve it" in page(github).text
    pressed = [each.payload["requested_action"] for each in github.hooks.sent if each.action == "requested_action"]
    assert pressed == [{"identifier": "approve"}]


@pytest.mark.parametrize(
    "form",
    [
        {},
        {"by": "nobody", "body": "/retest"},
        {"by": "ada", "body": ""},
        {"by": "ada", "body": "/retest", "pull": "x"},
        {"by": "ada", "body": "/retest", "check": "x"},
    ],
)
def test_a_form_that_means_nothing_does_nothing(github: PretendGitHub, pull: Pull, form: dict[str, str]) -> None:
    assert steer(github, **{"pull": str(pull.id), **form}) == 303
    assert github.comments(pull) == []


def test_nobody_comments_from_another_site(github: PretendGitHub, pull: Pull) -> None:
    assert steer(github, "cross-site", pull=str(pull.id), by="ada", body="/retest") == 403
    assert github.comments(pull) == []
