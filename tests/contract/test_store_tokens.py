"""What every store must do with the tokens of programs and their calls."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from bot.domain.refs import ForgeName, Person, RepositoryId
from bot.domain.runs import BuildId, Cause, RunId
from bot.domain.tokens import Bound, Scope, Token
from bot.ports.ledger import Call
from bot.ports.store import UnitOfWork
from tests.contract.store_values import AT, a_build, a_seen, stored_repository

OpenWork = Callable[[], UnitOfWork]

FULL = Token(
    id="1a2b",
    name="robot",
    digest="d" * 64,
    scopes=(Scope.READ, Scope.APPROVE),
    created_at=AT,
    expires_at=AT + timedelta(days=90),
    revoked_at=AT + timedelta(days=2),
    used_at=AT + timedelta(days=1),
)
BARE = Token(id="0f", name="robot", digest="e" * 64, scopes=(), created_at=AT + timedelta(seconds=1))
OF_ANA = replace(BARE, id="1", bound=Bound(forge=ForgeName("github"), person=Person(1, "ana")))
OF_SITE = replace(BARE, id="2", bound=Bound(repository=RepositoryId(7)))
CALL = Call(key="key", body="body", trigger="first")
DAY = 86400.0


@pytest.mark.parametrize(
    "token", [FULL, BARE, OF_ANA, OF_SITE], ids=["everything", "nothing", "a person's", "a repository's"]
)
def test_a_token_comes_back_as_it_was_stored(work: OpenWork, token: Token) -> None:
    with work() as unit:
        unit.tokens.add(token)
    with work() as unit:
        assert unit.tokens.get(token.id) == token


def test_an_unknown_token_is_none(work: OpenWork) -> None:
    with work() as unit:
        assert unit.tokens.get("1a2b") is None


def test_tokens_are_listed_oldest_first_whether_they_live_or_not(work: OpenWork) -> None:
    with work() as unit:
        unit.tokens.add(BARE)
        unit.tokens.add(FULL)
        assert unit.tokens.all() == [FULL, BARE]


def test_the_first_revocation_counts(work: OpenWork) -> None:
    with work() as unit:
        unit.tokens.add(BARE)
        unit.tokens.revoke(BARE.id, AT)
        unit.tokens.revoke(BARE.id, AT + timedelta(days=1))
        found = unit.tokens.get(BARE.id)
    assert found is not None
    assert found.revoked_at == AT


def test_the_last_use_is_kept_of_that_token_alone(work: OpenWork) -> None:
    with work() as unit:
        unit.tokens.add(FULL)
        unit.tokens.add(BARE)
        unit.tokens.used(BARE.id, AT + timedelta(hours=5))
        assert [one.used_at for one in unit.tokens.all()] == [FULL.used_at, AT + timedelta(hours=5)]


def test_of_two_calls_with_one_key_the_first_stays(work: OpenWork) -> None:
    with work() as unit:
        assert unit.calls.find("key", DAY) is None
        assert unit.calls.note(CALL, DAY) == CALL
    with work() as unit:
        assert unit.calls.note(Call(key="key", body="other", trigger="second"), DAY) == CALL
        assert unit.calls.find("key", DAY) == CALL


def test_an_old_call_is_forgotten_and_its_key_is_free(work: OpenWork) -> None:
    later = Call(key="key", body="other", trigger="second")
    with work() as unit:
        unit.calls.note(CALL, DAY)
        assert unit.calls.find("key", -1) is None
        assert unit.calls.note(later, -1) == later
        assert unit.calls.find("key", DAY) == later


def test_repositories_are_listed_by_number_a_part_at_a_time(work: OpenWork) -> None:
    with work() as unit:
        public = [stored_repository(unit, forge_id=number, path=f"a/{number}") for number in (1, 2, 3)]
        hidden = unit.repositories.see(a_seen(forge_id=4, path="a/4", private=True))
        assert unit.repositories.known(2) == public[:2]
        assert unit.repositories.known(9, after=public[1].id) == [public[2]]
        assert unit.repositories.known(9, after=public[1].id, public_only=False) == [public[2], hidden]
        assert unit.repositories.known(9, after=RepositoryId(hidden.id)) == []


def test_the_newest_push_to_a_branch_is_found_among_all_other_builds(work: OpenWork) -> None:
    with work() as unit:
        repository = stored_repository(unit).id
        other = stored_repository(unit, forge_id=8, path="a/b").id
        assert unit.builds.newest_push(repository, "main") is None
        wanted = [unit.builds.add(a_build(repository)) for _ in range(2)]
        unit.builds.add(a_build(repository, cause=Cause.API))
        unit.builds.add(a_build(repository, ref="topic"))
        unit.builds.add(a_build(other))
        found = unit.builds.newest_push(repository, "main")
    assert found == wanted[1]
    assert found is not None
    assert found.id > BuildId(1)


def test_a_ticket_is_taken_once_for_its_run_and_in_its_time(work: OpenWork) -> None:
    with work() as unit:
        unit.tickets.put("late", RunId("a"), "1a2b", 0)
        unit.tickets.put("good", RunId("a"), "1a2b", 60)
    with work() as unit:
        assert unit.tickets.take("late", RunId("a")) is None
        assert unit.tickets.take("good", RunId("b")) is None
        assert unit.tickets.take("other", RunId("a")) is None
        assert unit.tickets.take("good", RunId("a")) == "1a2b"
        assert unit.tickets.take("good", RunId("a")) is None
