"""What people see, as the server makes it."""

import re
import shutil
from dataclasses import replace
from datetime import timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, Final

import pytest
from starlette.testclient import TestClient

from bot.domain.dialect import GITLAB
from bot.domain.errors import Problem
from bot.domain.runs import Cause, Group, Reason, RunState, Trust
from tests.builders import NOON, SHA
from tests.fakes.forge import HELLO
from tests.web.conftest import World

NASTY: Final = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"
POLICY: Final = "default-src 'none'; script-src 'self'; style-src 'self'"
_VOID: Final = {"meta", "link", "input"}


class Page(HTMLParser):
    """Fails on tags that don't nest and on anything that would run or style inline."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text = ""
        self.links: list[str] = []
        self.feed(html)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert not [name for name, _ in attrs if name.startswith("on") or name == "style"]
        assert tag not in ("style", "img", "iframe")
        assert tag != "script" or dict(attrs)["src"]
        self.links += [value or "" for name, value in attrs if name == "href"]
        if tag not in _VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def page(client: TestClient, path: str) -> Page:
    answer = client.get(path)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["content-security-policy"].startswith(POLICY)
    assert answer.headers["x-content-type-options"] == "nosniff"
    return Page(answer.text)


def words(shown: Page) -> str:
    return " ".join(shown.text.split())


def test_a_build_shows_its_suites_with_sign_word_and_result(world: World, client: TestClient) -> None:
    build = world.build(change=7, cause=Cause.CHANGE, title="Correct a letter", base_ref="main")
    world.end(world.running(build, "unit"), exit_code=0)
    world.end(world.running(build, "lint"), RunState.FAILED, exit_code=2)
    world.run(build, "docs", state=RunState.SKIPPED, reason=Reason.PATHS, note="no changed file matches docs/**")
    shown = page(client, f"/b/{build.id}")
    assert "✗ failed" in words(shown)
    assert "✓ passed unit Passed in 1m 00s 1m 00s log" in words(shown)
    assert "sh tests/run.sh exited with 2" in words(shown)
    assert "↷ skipped docs Skipped: no changed file matches docs/**" in words(shown)
    assert "#7 Correct a letter" in words(shown)
    assert f"https://github.example/acme/hello/commit/{SHA}" in shown.links
    assert f"/b/{build.id}/unit" in shown.links


def test_errors_of_the_suite_file_are_listed_with_their_lines(world: World, client: TestClient) -> None:
    problem = Problem("E103", 4, 7, "unknown key `imagee`", "did you mean `image`?")
    build = world.build(problems=(problem,))
    shown = page(client, f"/b/{build.id}")
    assert "line 4, column 7: unknown key `imagee`; did you mean `image`?" in words(shown)
    assert f"https://github.example/acme/hello/blob/{SHA}/.assay.yml#L4" in shown.links


def test_links_to_gitlab_have_its_addresses(world: World, client: TestClient) -> None:
    world.forge.dialect = GITLAB
    build = world.build(change=7, cause=Cause.CHANGE, problems=(Problem("E103", 4, 7, "unknown key", ""),))
    links = page(client, f"/b/{build.id}").links
    repository = "https://github.example/acme/hello"
    assert {
        f"{repository}/-/merge_requests/7",
        f"{repository}/-/commit/{SHA}",
        f"{repository}/-/blob/{SHA}/.assay.yml#L4",
    } <= set(links)


def test_a_build_that_waits_names_what_an_approver_must_look_at(world: World, client: TestClient) -> None:
    build = world.build(trust=Trust.UNTRUSTED, risky_paths=(".assay.yml", "Makefile"))
    world.run(build, state=RunState.AWAITING_APPROVAL, trust=Trust.UNTRUSTED)
    shown = words(page(client, f"/b/{build.id}"))
    assert "‖ waiting" in shown
    assert ".assay.yml" in shown
    assert f"assay approve {build.id}" in shown


def test_a_build_shows_runs_that_it_shares_with_another(world: World, client: TestClient) -> None:
    run = world.finished()
    build = world.build()
    with world.app.work() as work:
        work.builds.share(build.id, run.id)
    assert "✓ passed unit" in words(page(client, f"/b/{build.id}"))
    assert "hello" in words(page(client, f"/b/{build.id}/unit"))


def test_a_suite_shows_its_facts_and_its_log(world: World, client: TestClient) -> None:
    run = world.finished(b"\x1b[32mall good\x1b[0m\nsecond line without end")
    answer = client.get(world.page_of(run))
    assert '<a id="L1" href="#L1" data-n="1" aria-label="1"></a><span class="f2">all good</span>\n' in answer.text
    shown = words(page(client, world.page_of(run)))
    assert "second line without end" in shown
    assert "waited2s" in shown
    assert "exit code0" in shown
    assert "busybox:1" in shown


def test_a_suite_that_passed_after_a_failure_is_shown_as_flaky(world: World, client: TestClient) -> None:
    run = world.running(world.build())
    with world.app.work() as work:
        assert work.runs.save(run, run.tried_again(Reason.COMMAND, "the last attempt exited with 1"), "worker")
        again = work.runs.claim(run.id, "worker", 60)
        assert again
    shown = words(page(client, world.page_of(run)))
    assert "command: the last attempt exited with 1" in shown
    assert "failed attempts1" in shown
    world.end(again, exit_code=0)
    shown = words(page(client, world.page_of(run)))
    assert "(flaky: failed once before)" in shown
    assert "Flaky: it failed and passed on the same commit." in shown
    answer = client.get(f"/runs/{run.id}").json()
    assert (answer["flaky"], answer["attempt"], answer["exit_code"]) == (True, 2, 0)


def test_markup_in_everything_that_strangers_choose_is_shown_as_text(world: World, client: TestClient) -> None:
    build = world.build(
        title=NASTY, ref=NASTY, sender=NASTY, note=NASTY, change=3, cause=Cause.CHANGE, base_ref=NASTY
    )
    run = world.running(build, suite="unit")
    world.write(run, NASTY.encode() + b"</pre>\n")
    world.end(run, RunState.ERRORED, note=NASTY)
    pages = [page(client, path) for path in ("/", f"/b/{build.id}", f"/b/{build.id}/unit")]
    assert [NASTY in shown.text for shown in pages] == [True, True, True]


def test_controls_and_turns_of_direction_are_shown_where_strangers_name_things(
    world: World, client: TestClient
) -> None:
    build = world.build(title="a\u202eb\x1b[31m\x07", ref="c\u2066d", sender="e\nf")
    shown = page(client, f"/b/{build.id}").text
    assert "a⟨U+202E⟩b⟨U+001B⟩[31m⟨U+0007⟩" in shown
    assert "c⟨U+2066⟩d" in shown


@pytest.mark.parametrize("facts", [{"problems": (Problem(NASTY, 1, 1, NASTY, NASTY),)}, {"risky_paths": (NASTY,)}])
def test_markup_in_the_rarer_facts_is_text_too(world: World, client: TestClient, facts: dict[str, Any]) -> None:
    build = world.build(**facts)
    world.run(build, state=RunState.AWAITING_APPROVAL, suite="unit", image=NASTY)
    assert NASTY in page(client, f"/b/{build.id}").text
    assert NASTY in page(client, f"/b/{build.id}/unit").text


def test_a_repository_address_that_is_no_web_address_is_no_link(world: World, client: TestClient) -> None:
    build = world.build()
    with world.app.work() as work:
        work.repositories.update(replace(HELLO, web_url="javascript:alert(1)//"))
    assert not [link for link in page(client, f"/b/{build.id}").links if "javascript" in link]


def test_a_long_log_is_shown_in_part_and_says_so(world: World, client: TestClient) -> None:
    run = world.finished(b"".join(b"line %d\n" % number for number in range(1, 60_001)) + b"the very last\n")
    shown = page(client, world.page_of(run))
    assert "39001 lines" in words(shown)
    assert "the very last" in shown.text
    assert "line 1000\n" in shown.text
    assert "line 1001\n" not in shown.text
    assert f"{world.page_of(run)}/log" in shown.links


def test_a_log_that_is_gone_does_not_break_the_page(world: World, client: TestClient, tmp_path: Path) -> None:
    run = world.finished()
    shutil.rmtree(tmp_path / "logs")
    assert "The rest of the log can't be read now" in words(page(client, world.page_of(run)))


def test_an_unfinished_page_refreshes_itself_with_and_without_scripts(world: World, client: TestClient) -> None:
    run = world.running(world.build())
    world.write(run, b"first\nsec")
    html = client.get(world.page_of(run)).text
    assert '<noscript><meta http-equiv="refresh" content="15"></noscript>' in html
    assert f'data-stream="{world.page_of(run)}/stream?from=6&amp;run={run.id}"' in html
    assert "/static/live.js" in html


def test_a_finished_page_stays_as_it_is(world: World, client: TestClient) -> None:
    html = client.get(world.page_of(world.finished())).text
    assert "http-equiv" not in html
    assert "data-stream" not in html


def test_the_raw_log_of_a_suite_leads_to_its_run(world: World, client: TestClient) -> None:
    run = world.finished()
    answer = client.get(f"{world.page_of(run)}/log")
    assert (answer.status_code, answer.headers["location"]) == (302, f"https://ci.example.org/runs/{run.id}/log")


def test_home_lists_builds_newest_first_and_page_by_page(world: World, client: TestClient) -> None:
    numbers = [world.build().id for _ in range(31)]
    first = page(client, "/")
    listed = [link for link in first.links if re.fullmatch(r"/b/\d+", link)][-30:]
    assert listed == [f"/b/{n}" for n in numbers[:0:-1]]
    assert f"/b/{numbers[0]}" in page(client, next(link for link in first.links if "before" in link)).links


def test_home_without_builds_says_how_they_begin(client: TestClient) -> None:
    assert "No build" in words(page(client, "/"))


@pytest.mark.parametrize(
    "path", ["/b/999", "/b/x", "/b/99999999999999999999", "/b/999/unit", "/b/%00/unit", "/nothing"]
)
def test_what_is_not_there_is_a_page_of_its_own(client: TestClient, path: str) -> None:
    answer = client.get(path, headers={"accept": "text/html"})
    assert answer.status_code == 404
    assert "Not found" in Page(answer.text).text


@pytest.mark.parametrize("word", ["passed", "failed", "running", "no-such-word", "<svg>"])
def test_every_state_has_an_icon(client: TestClient, word: str) -> None:
    answer = client.get(f"/icons/{word}.svg")
    assert answer.headers["content-type"] == "image/svg+xml"
    assert word not in answer.text or word == "running"


@pytest.mark.parametrize("name", ["assay.css", "live.js", "log.js"])
def test_style_and_scripts_are_served(client: TestClient, name: str) -> None:
    assert client.get(f"/static/{name}").status_code == 200


def test_the_log_of_a_list_is_folded_and_what_failed_is_open(world: World, client: TestClient) -> None:
    run = world.running(world.build(), commands=("make </summary>", "make test\nmake dist"))
    world.write(run, b"built\nno\n")
    groups = (Group(number=1, offset=0, seconds=75, code=0), Group(number=2, offset=6, seconds=1, code=3))
    world.end(replace(run, groups=groups), RunState.FAILED, exit_code=3)
    html = client.get(world.page_of(run)).text
    assert html.count('<details class="group"') == 2
    assert re.findall(r'<details class="group" id="(g\d)"( open)?', html) == [("g1", ""), ("g2", " open")]
    assert "<code>make &lt;/summary&gt;</code>" in html
    seen = words(page(client, world.page_of(run)))
    assert "✓ passed make </summary> 1m 15s built ✗ exit 3 make test … 1s no" in seen


def test_a_running_suite_shows_how_long_it_usually_takes_and_when_it_should_end(
    world: World, client: TestClient
) -> None:
    world.run(world.build(), state=RunState.PASSED, started_at=NOON, finished_at=NOON + timedelta(seconds=90))
    run = world.running(world.build())
    shown = words(page(client, world.page_of(run)))
    assert "usually takes1m 30s" in shown
    assert re.search(r"should end by\d{4}-", shown)


def test_a_waiting_suite_shows_how_many_are_ahead_of_it(world: World, client: TestClient) -> None:
    first, second = world.run(world.build()), world.run(world.build())
    assert "ahead of itnothing" in words(page(client, world.page_of(first)))
    assert "ahead of it1" in words(page(client, world.page_of(second)))
