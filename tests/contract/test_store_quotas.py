"""What every store must do with quotas: runs beyond them keep waiting, whoever asks for them."""

from collections.abc import Callable

from bot.domain.own_rules import OwnRules
from bot.domain.quotas import Crowd, Quotas
from bot.domain.refs import RepositoryId
from bot.domain.runs import RunId, RunState, Trust
from bot.ports.store import UnitOfWork
from tests.contract.store_values import a_build, a_seen, stored_build, stored_run

OpenWork = Callable[[], UnitOfWork]
TWO_AT_ONCE = Quotas(runs_max=2)
ONE_OF_A_STRANGER = Quotas(stranger_runs_max=1)


def three_runs(unit: UnitOfWork) -> list[RunId]:
    build = stored_build(unit)
    return [stored_run(unit, build, name).id for name in ("a", "b", "c")]


def a_strangers(unit: UnitOfWork, author: int, suite: str = "unit") -> RunId:
    build = stored_build(unit, author_id=author, trust=Trust.UNTRUSTED)
    return stored_run(unit, build, suite, trust=Trust.UNTRUSTED).id


def takes(unit: UnitOfWork, run: RunId, quotas: Quotas) -> bool:
    return unit.runs.claim(run, "worker", 60, quotas) is not None


def test_a_repository_has_no_more_runs_at_once_than_its_quota(work: OpenWork) -> None:
    with work() as unit:
        runs = three_runs(unit)
        assert [takes(unit, run, TWO_AT_ONCE) for run in runs] == [True, True, False]
        assert unit.runs.whose_turn(quotas=TWO_AT_ONCE) is None
        assert (unit.runs.queued(9, TWO_AT_ONCE), unit.runs.queued(9)) == ([], runs[2:])


def test_what_ends_makes_room(work: OpenWork) -> None:
    with work() as unit:
        first, second, third = three_runs(unit)
        held = unit.runs.claim(first, "worker", 60, TWO_AT_ONCE)
        assert held is not None
        assert takes(unit, second, TWO_AT_ONCE)
        assert unit.runs.save(held, held.ended(RunState.PASSED, None, held.created_at), "worker")
        assert unit.runs.whose_turn(quotas=TWO_AT_ONCE) == third
        assert takes(unit, third, TWO_AT_ONCE)


def test_the_turn_goes_to_a_repository_that_has_room(work: OpenWork) -> None:
    with work() as unit:
        for run in three_runs(unit)[:2]:
            assert takes(unit, run, TWO_AT_ONCE)
        elsewhere = unit.builds.add(a_build(unit.repositories.see(a_seen(forge_id=7002, path="Ada/Other")).id))
        assert elsewhere is not None
        other = stored_run(unit, elsewhere).id
        assert unit.runs.whose_turn(quotas=TWO_AT_ONCE) == other
        assert takes(unit, other, TWO_AT_ONCE)


def test_a_repositorys_own_quota_is_kept_below_the_one_of_all(work: OpenWork) -> None:
    with work() as unit:
        first, second, third = three_runs(unit)
        repository = unit.runs.get(first).repository
        unit.repositories.set_own_rules(repository, OwnRules(runs_max=1))
        assert [takes(unit, run, Quotas()) for run in (first, second)] == [True, False]
        unit.repositories.set_own_rules(repository, OwnRules(runs_max=9))
        assert [takes(unit, run, TWO_AT_ONCE) for run in (second, third)] == [True, False]
        unit.repositories.set_own_rules(repository, OwnRules())
        assert takes(unit, third, Quotas())


def test_a_stranger_has_no_more_runs_at_once_than_the_quota_and_delays_nobody_else(work: OpenWork) -> None:
    with work() as unit:
        first, second, anothers = a_strangers(unit, 5, "a"), a_strangers(unit, 5, "b"), a_strangers(unit, 6)
        trusted = stored_run(unit, stored_build(unit, author_id=5)).id
        assert takes(unit, first, ONE_OF_A_STRANGER)
        assert unit.runs.queued(9, ONE_OF_A_STRANGER) == [anothers, trusted]
        assert [takes(unit, one, ONE_OF_A_STRANGER) for one in (second, anothers, trusted)] == [False, True, True]
        assert unit.runs.whose_turn(quotas=ONE_OF_A_STRANGER) is None


def test_a_strangers_quota_counts_in_each_repository_by_itself_and_may_be_its_own(work: OpenWork) -> None:
    with work() as unit:
        here, second = a_strangers(unit, 5, "a"), a_strangers(unit, 5, "b")
        other = unit.repositories.see(a_seen(forge_id=7002, path="Ada/Other")).id
        build = unit.builds.add(a_build(other, author_id=5, trust=Trust.UNTRUSTED))
        assert build is not None
        there = stored_run(unit, build, trust=Trust.UNTRUSTED).id
        unit.repositories.set_own_rules(unit.runs.get(here).repository, OwnRules(stranger_runs_max=1))
        assert [takes(unit, run, Quotas(stranger_runs_max=7)) for run in (here, second, there)] == [True, False, True]


def test_how_many_there_are_is_told_for_all_and_for_a_stranger(work: OpenWork) -> None:
    with work() as unit:
        nobody = unit.runs.crowd(RepositoryId(7))
        first, *_ = three_runs(unit)
        assert takes(unit, first, Quotas())
        mine, _ = a_strangers(unit, 5, "a"), a_strangers(unit, 6)
        waiting = stored_build(unit, author_id=5, trust=Trust.UNTRUSTED)
        stored_run(unit, waiting, trust=Trust.UNTRUSTED, state=RunState.AWAITING_APPROVAL)
        here = unit.runs.get(mine).repository
        assert nobody == Crowd(claimed=0, waiting=0)
        assert unit.runs.crowd(here) == Crowd(claimed=1, waiting=4)
        assert unit.runs.crowd(here, of=5) == Crowd(claimed=0, waiting=2)
