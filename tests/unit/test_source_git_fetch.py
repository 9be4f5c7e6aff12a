"""How a commit gets from the forge into the mirror: C12, C48, C49 and the answers that a forge may give."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from bot.adapters.source_git import GitSource
from bot.domain.errors import ForgeUnavailable, SourceRefused, SourceUnavailable
from bot.ports.forge import Access
from tests.githost import HostedRepository, git
from tests.unit.source_git_place import SITE, Place, a_place

NOWHERE = "1" * 40


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with a_place(tmp_path) as place:
        yield place


@pytest.fixture
def site(place: Place) -> HostedRepository:
    return place.host.repository("acme/site")


def grown(site: HostedRepository, start: str, commits: int) -> str:
    """Many commits on main at once, by one fast import."""
    stream = "".join(
        f"commit refs/heads/main\ncommitter A <a@b.c> {1_700_000_000 + number} +0000\ndata 1\nx\n"
        + (f"from {start}\n" if number == 0 else "")
        + f"M 100644 inline a.txt\ndata {len(str(number))}\n{number}\n"
        for number in range(commits)
    )
    git(site.path, "fast-import", "--quiet", "--force", stdin=stream.encode())
    return git(site.path, "rev-parse", "refs/heads/main")


def test_exactly_the_wanted_commit_is_laid_out_though_the_branch_went_on(
    place: Place, site: HostedRepository
) -> None:
    wanted = site.commit({"a.txt": b"wanted"})
    site.commit({"a.txt": b"newer"}, wanted)

    tree = place.checkout(wanted, "refs/heads/main")

    assert (tree / "a.txt").read_bytes() == b"wanted"
    assert git(tree, "rev-parse", "HEAD") == wanted


def test_a_warm_mirror_asks_neither_for_a_credential_nor_the_network(place: Place, site: HostedRepository) -> None:
    first = site.commit({"a.txt": b"1"})
    second = site.commit({"a.txt": b"2"}, first)
    place.checkout(second)
    place.host.requests.clear()

    trees = [place.checkout(second), place.checkout(first)]

    assert [(tree / "a.txt").read_bytes() for tree in trees] == [b"2", b"1"]
    assert place.host.requests == []
    assert place.asked == 1


def test_an_unadvertised_commit_is_found_sixty_commits_behind_its_ref(place: Place, site: HostedRepository) -> None:
    wanted = site.commit({"a.txt": b"wanted"})
    grown(site, wanted, 60)
    place.host.only_advertised = True

    tree = place.checkout(wanted, "refs/heads/other", "refs/heads/main")

    assert (tree / "a.txt").read_bytes() == b"wanted"


def test_an_unadvertised_commit_without_refs_is_gone(place: Place, site: HostedRepository) -> None:
    wanted = site.commit({"a.txt": b"wanted"})
    site.commit({"a.txt": b"newer"}, wanted)
    place.host.only_advertised = True

    with pytest.raises(SourceRefused, match="is gone"):
        place.checkout(wanted)


def test_a_commit_that_was_force_pushed_away_is_gone_and_no_other_is_taken(
    place: Place, site: HostedRepository
) -> None:
    site.commit({"a.txt": b"other"})

    with pytest.raises(SourceRefused, match=f"commit {NOWHERE} is gone: the branch was force-pushed or deleted"):
        place.checkout(NOWHERE, "refs/heads/main", source=place.source(lag=(0, 0)))

    assert not list((place.folder / "tree-0").iterdir())


def test_a_deleted_branch_that_the_server_forgot_is_gone(place: Place, site: HostedRepository) -> None:
    wanted = site.commit({"a.txt": b"wanted"}, ref="refs/heads/topic")
    site.commit({"a.txt": b"main"})
    site.delete("refs/heads/topic")
    place.host.only_advertised = True

    with pytest.raises(SourceRefused, match="is gone"):
        place.checkout(wanted, "refs/heads/topic")


def test_a_commit_that_the_forge_shows_late_is_waited_for(place: Place, site: HostedRepository) -> None:
    old = site.commit({"a.txt": b"old"})
    replica = place.folder / "replica"
    git(place.folder, "clone", "--quiet", "--bare", str(site.path), str(replica / "acme/site.git"))
    wanted = site.commit({"a.txt": b"new"}, old)
    place.host.hidden = [replica] * 4

    tree = place.checkout(wanted, "refs/heads/main", source=place.source(lag=(0, 0, 0)))

    assert (tree / "a.txt").read_bytes() == b"new"
    assert place.host.fetches == 5
    assert place.asked == 3


def test_the_wait_is_bounded(place: Place, site: HostedRepository) -> None:
    site.commit({"a.txt": b"old"})

    with pytest.raises(SourceRefused, match="is gone"):
        place.checkout(NOWHERE, source=place.source(lag=(0, 0, 0)))

    assert place.host.fetches == 4


@pytest.mark.parametrize("status", [401, 429, 500, 502, 503])
def test_a_doubtful_answer_is_unavailable_once_and_forgotten_when_the_next_is_good(
    place: Place, site: HostedRepository, status: int
) -> None:
    wanted = site.commit({"a.txt": b"x"})
    place.host.statuses = [status, status]

    with pytest.raises(SourceUnavailable):
        place.checkout(wanted)

    assert (place.checkout(wanted, source=place.source(lag=(0,))) / "a.txt").exists()


@pytest.mark.parametrize("status", [403, 404])
def test_a_repository_that_we_may_not_see_is_refused(place: Place, site: HostedRepository, status: int) -> None:
    wanted = site.commit({"a.txt": b"x"})
    place.host.statuses = [status] * 2

    with pytest.raises(SourceRefused, match="does not show the repository"):
        place.checkout(wanted, source=place.source(lag=(0,)))


def test_the_last_answer_decides(place: Place, site: HostedRepository) -> None:
    place.host.statuses = [200, 503]

    with pytest.raises(SourceUnavailable):
        place.checkout(NOWHERE, source=place.source(lag=(0,)))


def test_a_credential_that_was_too_old_is_asked_for_again(place: Place, site: HostedRepository) -> None:
    wanted = site.commit({"a.txt": b"x"})
    place.host.authorization = "Basic bmV3LXRva2Vu"
    tokens = iter(["Basic b2xkLXRva2Vu", "Basic bmV3LXRva2Vu"])

    tree = place.checkout(
        wanted,
        source=place.source(lag=(0,)),
        access=lambda: place.host.access("acme/site", Authorization=next(tokens)),
    )

    assert (tree / "a.txt").exists()


def test_a_host_that_is_down_is_unavailable(place: Place, site: HostedRepository) -> None:
    with pytest.raises(SourceUnavailable, match="could not be reached"):
        place.checkout(NOWHERE, access=lambda: Access("http://127.0.0.1:9/acme/site.git"))


def test_what_access_raises_comes_through(place: Place) -> None:
    def down() -> Access:
        raise ForgeUnavailable("no token today")

    with pytest.raises(ForgeUnavailable, match="no token today"):
        place.checkout(NOWHERE, access=down)


@pytest.mark.parametrize(
    "branch",
    [
        "-x",
        "--upload-pack=touch${IFS}pwned",
        "a;touch${IFS}pwned",
        "$(touch${IFS}pwned)",
        "`touch${IFS}pwned`",
        "x'||touch${IFS}pwned||'",
        'x"&&touch${IFS}pwned"',
        "<script>alert(1)</script>",
        "é/ü/日本",
        "%s%n",
        "#{7+7}",
        "refs/heads/main",
    ],
)
def test_a_nasty_branch_name_is_fetched_like_any_other_and_runs_nothing(
    place: Place, site: HostedRepository, branch: str
) -> None:
    wanted = site.commit({"a.txt": b"x"}, ref=f"refs/heads/{branch}")
    site.commit({"a.txt": b"y"}, wanted, ref=f"refs/heads/{branch}")
    place.host.only_advertised = True

    tree = place.checkout(wanted, f"refs/heads/{branch}")

    assert (tree / "a.txt").read_bytes() == b"x"
    assert not list(place.folder.rglob("pwned"))


def test_an_option_as_ref_is_refused_before_git_or_the_forge_are_asked(place: Place) -> None:
    with pytest.raises(SourceRefused):
        place.checkout(NOWHERE, "--upload-pack=touch pwned")

    assert place.asked == 0
    assert not place.mirror.exists()


def test_two_checkouts_at_once_fetch_once(place: Place, site: HostedRepository) -> None:
    wanted = site.commit({"a.txt": b"x"})
    source = place.source()

    with ThreadPoolExecutor(4) as pool:
        trees = list(pool.map(lambda _: place.checkout(wanted, source=source), range(4)))

    assert [(tree / "a.txt").read_bytes() for tree in trees] == [b"x"] * 4
    assert place.host.fetches == 1


def test_many_fetches_leave_few_packs_and_lose_nothing(place: Place, site: HostedRepository) -> None:
    first = site.commit({"a.txt": b"0"})
    commits = [first, *(site.commit({"a.txt": b"%d" % number}, first) for number in range(1, 24))]

    [place.checkout(sha) for sha in commits]

    assert len(list(place.mirror.glob("objects/pack/*.pack"))) < 10
    place.host.url = "http://127.0.0.1:9"
    assert (place.checkout(commits[3]) / "a.txt").read_bytes() == b"3"


def test_forget_removes_the_mirror_and_the_next_checkout_makes_it_anew(place: Place, site: HostedRepository) -> None:
    wanted = site.commit({"a.txt": b"x"})
    place.checkout(wanted)

    place.source().forget(SITE)

    assert not place.mirror.exists()
    assert (place.checkout(wanted) / "a.txt").exists()
    assert place.asked == 2


def test_http_to_a_host_that_is_not_loopback_cannot_be_set_up(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="loopback"):
        GitSource(
            tmp_path,
            user=None,
            allow_http_hosts=frozenset({"forge.example"}),
            size_limit=1,
            time_limit=1,
            lag=(),
        )
