"""Shards take about as long each, by the times that were recorded (PRODUCT §2.7, `shards`)."""

import re
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.refs import Sha
from bot.domain.sharding import seconds_by_group, shard_plan
from tests.fakes.sandbox import Act
from tests.walks import ONE, TWO, World

GUIDE = Path(__file__).parents[2] / "docs" / "suite-file.md"
FILE = b"suites:\n  unit: {image: box, shards: 2, run: all, reports: {junit: r.xml}}\n"


def test_the_slowest_go_first_to_whichever_shard_has_least() -> None:
    groups = {"a.py": 9.0, "b.py": 5.0, "c.py": 4.0, "d.py": 1.0}
    assert shard_plan(groups, 2, 1000) == "1 a.py\n2 b.py\n2 c.py\n1 d.py"


def test_a_group_is_the_file_the_package_or_the_class() -> None:
    tests = {"t/a.py::x": 1.0, "t/a.py::C::y": 2.0, "example.org/m::TestA/one": 3.0, "alone": 4.0}
    assert seconds_by_group(tests) == {"t/a.py": 3.0, "example.org/m": 3.0, "alone": 4.0}


@given(
    st.dictionaries(st.text(min_size=1, max_size=20), st.floats(0, 1000), max_size=60),
    st.integers(1, 8),
    st.integers(0, 400),
)
def test_every_group_is_in_one_shard_and_none_has_much_more_than_its_part(
    groups: dict[str, float], shards: int, room: int
) -> None:
    plan = shard_plan(groups, shards, room)
    assert len(plan.encode(errors="replace")) <= room
    lines = [line.partition(" ") for line in plan.split("\n") if line]
    loads = [sum(groups[name] for number, _, name in lines if number == str(one + 1)) for one in range(shards)]
    assert len({name for _, _, name in lines}) == len(lines)
    if lines:
        planned = [groups[name] for _, _, name in lines]
        assert max(loads) <= sum(planned) / shards + max(planned) + 1e-6


@pytest.mark.parametrize("planned", ["", "1 tests/test_a b.py\n2 tests/test_c.py\n3 tests/test_gone.py"])
def test_the_guides_script_gives_every_file_to_one_shard(tmp_path: Path, planned: str) -> None:
    (tmp_path / "tests").mkdir()
    names = ["test_a b.py", "test_c.py", "test_new.py", "test_newer.py", "test_newest.py"]
    for name in names:
        (tmp_path / "tests" / name).touch()
    script = re.search(r"( +find tests -name.*?- \.all > \.mine\n)", GUIDE.read_text(), re.DOTALL)
    assert script
    taken: list[str] = []
    for shard in "123":
        env = {"ASSAY_SHARD": shard, "ASSAY_SHARDS": "3", "ASSAY_SHARD_PLAN": planned, "PATH": "/usr/bin:/bin"}
        subprocess.run(["sh", "-eu", "-c", script[1]], cwd=tmp_path, env=env, check=True)  # noqa: S603, S607 - the guide's own script, in whatever shell there is
        mine = (tmp_path / ".mine").read_text().splitlines()
        assert mine
        taken += mine
    assert sorted(taken) == sorted(f"tests/{name}" for name in names)


def report(**seconds: float) -> bytes:
    cases = "".join(f'<testcase classname="{name}" name="x" time="{time}"/>' for name, time in seconds.items())
    return f"<testsuite>{cases}</testsuite>".encode()


def plans(world: World) -> list[str]:
    found = [job.env["ASSAY_SHARD_PLAN"] for job in world.sandbox.jobs]
    world.sandbox.jobs.clear()
    return found


def test_all_shards_of_a_commit_and_their_re_runs_see_one_plan(world: World) -> None:
    world.forge.suite_files[""] = FILE
    world.sandbox.acts["all\n"] = world.sandbox.acts["all"] = Act(files={"r.xml": report(A=9.0, B=5.0, C=3.0)})
    world.push(ONE)
    world.settle()
    assert plans(world) == ["", ""]
    world.push(TWO)
    world.settle()
    plan = "1 A\n2 B\n2 C"
    assert plans(world) == [plan, plan]
    # By now other times are recorded, but not for this commit.
    world.sandbox.acts["all\n"] = world.sandbox.acts["all"] = Act(files={"r.xml": report(A=1.0, B=1.0, C=30.0)})
    world.push(Sha("3" * 40))
    world.settle()
    plans(world)
    with world.app.work() as work:
        repository = work.repositories.get(work.builds.recent(1)[0].repository)
        run = work.runs.of_commit(repository.id, TWO)[0]
        assert work.results.keep_shard_plan(run, "1 Z") == plan
