"""A branch breaks in a suite with shards, and a comment finds the commit, over real HTTP and with real containers."""

from contextlib import closing

import pytest

from tests.faults.place import Place
from tests.steering import WRITER, open_change, say, suite, suites, until, wait_shown

pytestmark = [pytest.mark.docker, pytest.mark.timeout(180)]

SCRIPT = """\
ls tests | sort > .all
printf '%s\\n' "$ASSAY_SHARD_PLAN" | awk -v me="$ASSAY_SHARD" -v of="$ASSAY_SHARDS" '
  NR == FNR { shard[substr($0, index($0, " ") + 1)] = $1; next }
  ($0 in shard) ? shard[$0] == me : others++ % of == me - 1' - .all > .mine
cat .mine
{ echo '<testsuite>'
  while read -r name; do
    read -r seconds word < "tests/$name"
    echo "<testcase classname='$name' name='t' time='$seconds'>"
    test "$word" = good || echo "<failure message='it is $word'/>"
    echo '</testcase>'
  done < .mine
  echo '</testsuite>'; } > junit.xml
! grep -q failure junit.xml
"""
"""Like that of the guide; a test is a file with its time and whether it is good."""
WHOLE = suites(suite("unit", "shards: 2, reports: {junit: junit.xml}, when: {events: [push]}", "exec sh test.sh"))
GOOD = {"tests/a": "9 good", "tests/b": "4 good", "tests/c": "3 good", "tests/d": "1 good"}


def commit(here: Place, message: str, **tests: str) -> str:
    files = {f"tests/{name}": text for name, text in tests.items()}
    return here.github.commit(here.repo, "main", files, message, author=WRITER)


def wait_ended(here: Place, sha: str, conclusion: str) -> None:
    def ends() -> list[str | None]:
        return [one.conclusion for one in here.github.check_runs(here.repo, sha, "assay")]

    until(lambda: ends() == [conclusion], f"{sha} did not end as {conclusion}")


def test_shards_are_balanced_and_the_commit_that_broke_one_is_told_where_somebody_asked(here: Place) -> None:
    first = here.github.commit(here.repo, "main", {".assay.yml": WHOLE, "test.sh": SCRIPT, **GOOD})
    wait_ended(here, first, "success")
    quiet = "[skip ci]"
    before = commit(here, f"Older {quiet}", d="1 good\n")
    bad = commit(here, f"Make a mess of it {quiet}", c="3 bad")
    commit(here, f"Newer {quiet}", e="1 good")
    newest = commit(here, "Newest", d="1 good\n\n")
    wait_ended(here, newest, "failure")
    title = "1 test failed (new) in 1 of 2 shards"
    until(lambda: here.github.check_runs(here.repo, newest, "assay / unit")[0].title == title, f"not {title}")

    pull = open_change(here, suite("other", "when: {events: [push]}"))
    assert say(here, pull, "/assay bisect") == "+1"
    until(lambda: here.github.comments(pull)[-1].body.startswith("**["), "nothing was found")
    (found,) = [one.body for one in here.github.comments(pull) if "assay:bisect" in one.body]
    assert f"[`{bad[:7]}`]({here.github.url}/{here.repo.path}/commit/{bad}) broke" in found
    assert f"Make a mess of it \\[skip ci\\], by {WRITER}\n\n`c::t` fails from there on" in found
    assert f"all was well at [`{before[:7]}`]" in found
    wait_shown(here, pull, "assay", "success")

    with closing(here.database()) as database:
        query = "SELECT id FROM run WHERE sha = ? AND bisection IS NULL ORDER BY suite_key"
        runs = [row["id"] for row in database.execute(query, (newest,))]
    assert [here.log(run).split() for run in runs] == [[b"a", b"e"], [b"b", b"c", b"d"]]
