"""`assay run`: suites of the present work tree in the server's sandbox, without a server."""

import contextlib
import os
import re
import shlex
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, Self

import click
import structlog

from bot.app.attending import Hide, last_words
from bot.app.choosing import chosen
from bot.app.local import Linger, Local, Wish, Write, run_suites
from bot.app.secrets import fault_of_name, fault_of_value
from bot.bootstrap import build_local, clear_kept, work_tree
from bot.cli.reading import read_settings
from bot.cli.streaming import Stream, fresh
from bot.cli.workplace import fail, read_suite_file
from bot.domain.checks import PASSING
from bot.domain.errors import BadInput, SourceRefused, Unavailable
from bot.domain.limits_words import limit_advice
from bot.domain.masking import Masker
from bot.domain.runs import Group, Run, RunState
from bot.domain.suite_check import conclusion, failed_before, run_line, title
from bot.domain.suites import Suite
from bot.domain.texts import between, duration, last_lines, one_line
from bot.ports.sandbox import Job, Stop

FOLDER: Final = ".assay"
_TAIL: Final = 32 * 1024
_LINES: Final = 10
"""Of what failed, at the end."""
_NOT_IN_NAMES: Final = re.compile(r"[^\w.-]+")
_NO_SUCCESS: Final = ((RunState.FAILED, 1), (RunState.TIMED_OUT, 1), (RunState.ERRORED, 3), (RunState.CANCELLED, 5))
"""Exit statuses of PRODUCT §2.10; what says most about the code comes first."""


@click.command()
@click.argument("suites", nargs=-1, metavar="[SUITE]...")
@click.option("--set", "axes", multiple=True, metavar="AXIS=VALUE", help="Only the cells with that value.")
@click.option("--shard", type=click.IntRange(1), help="Only that shard of suites that are cut in shards.")
@click.option("--shell", is_flag=True, help="Then open a shell in the container, with what the suite has left.")
@click.option("--keep", is_flag=True, help="Keep the container and files of a suite that did not pass.")
@click.option("--clean", is_flag=True, help="Only remove what --keep has kept in this repository.")
@click.option(
    "--secrets-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Lines NAME=VALUE; a suite gets those it names.",
)
def run(
    suites: Sequence[str],
    axes: Sequence[str],
    shard: int | None,
    secrets_file: Path | None,
    *,
    shell: bool,
    keep: bool,
    clean: bool,
) -> None:
    """Run suites of this repository's suite file here; without SUITE all that pushes and pull requests start.

    The sources are the files as they are now, but for what git ignores. Image, script, variables and limits are the
    server's. Output is kept in .assay/logs.

    The exit status is 0 when all passed, 1 when one failed or timed out, 2 for wrong use or an invalid suite file,
    3 when one could not run, 5 when it was cancelled and 130 after Ctrl-C.
    """
    settings = read_settings()
    _keep_quiet()
    try:
        tree = work_tree(Path.cwd())
        _refuse_links(tree.root / FOLDER)
        if clean:
            click.echo(f"assay: removed {clear_kept(settings, tree)}")
            return
        wanted = chosen(read_suite_file(tree.root), suites, _axes(axes), shard)
        if shell:
            _refuse_shell(wanted)
        secrets = read_secrets(secrets_file) if secrets_file else {}
        with _Ending() as ending, build_local(settings, tree) as local:
            after = _Afterwards(local, shell=shell, keep=keep)
            status = _Round(local, tree.root, wanted).play(secrets, ending.wish, after.linger)
    except (BadInput, SourceRefused) as error:
        fail(error)
    except Unavailable as error:
        fail(error, 3)
    except KeyboardInterrupt:
        sys.exit(130)
    sys.exit(ending.status or status)


class _Round:
    """The chosen suites, run one after the other before somebody's eyes."""

    def __init__(self, local: Local, root: Path, suites: Sequence[Suite]) -> None:
        self._local, self._root, self._suites = local, root, suites
        self._logs = log_paths(suites)
        self._services: dict[str, list[str]] = {}
        """By the suites' keys, where the logs of their services are."""
        self._open = contextlib.ExitStack()

    def play(self, secrets: Mapping[str, str], wish: Wish, linger: Linger) -> int:
        """Gives the exit status."""
        _make_folder(self._root)
        click.echo(f"assay: {_count(self._suites)}, same image and script as on the server")
        with self._open:
            hide = _hiding(secrets)

            def after(job: Job, ended: Run) -> bool:
                self._keep_services(job, ended, hide)
                return linger(job, ended)

            runs = run_suites(self._local, self._suites, secrets, self._start, self._end, wish, after)
        click.echo()
        for each in runs:
            click.echo(self._line(each))
            for line in self._details(each):
                click.echo(f"    {line}")
        return status_of(runs)

    def _start(self, suite: Suite) -> Write:
        click.echo(f"▸ {suite.key}")
        name = suite.key if len(self._suites) > 1 else ""
        return self._open.enter_context(Stream(self._root / self._logs[suite.key], name)).write

    def _end(self, _: Run) -> None:
        """The last line of its output shows before anything of the next."""
        self._open.pop_all().close()

    def _keep_services(self, job: Job, ended: Run, hide: Hide) -> None:
        """Of a suite that did not pass what its services printed."""
        if conclusion(ended) in PASSING:
            return
        key, stem = ended.suite.key, self._logs[ended.suite.key].removesuffix(".log")
        self._services[key] = []
        with contextlib.suppress(Unavailable):  # they are help, no result
            for name, printed in last_words(self._local.sandbox, job, hide):
                path = f"{stem}+{name}.log"
                with fresh(self._root / path) as file:
                    file.write(printed)
                self._services[key].append(f"log of service {name}: {path}")

    def _details(self, each: Run) -> Iterator[str]:
        """Its commands; of one that failed the last lines of its output, and how to look into it."""
        if len(each.groups) > 1:
            yield from (_group_line(each, group) for group in each.groups)
        if each.state not in (RunState.FAILED, RunState.TIMED_OUT):
            return
        with (self._root / self._logs[each.suite.key]).open("rb") as log:
            begin = each.groups[-1].offset if each.groups else 0
            log.seek(max(begin, log.seek(0, os.SEEK_END) - _TAIL))
            lines = last_lines(log.read().decode(errors="replace"), _LINES, 200)
        yield from (f"│ {line}" for line in lines.split("\n"))
        yield from self._services.get(each.suite.key, ())
        if words := limit_advice(each, self._local.limits_of(each.suite)):
            yield f"limit: {words}"
        yield f"hint: {run_line(each.suite)} --shell opens a shell in its container"

    def _line(self, each: Run) -> str:
        key = each.suite.key
        if each.state is RunState.PASSED:
            flaky = f" · flaky: {failed_before(each)}" if each.is_flaky else ""
            memory = " · a process in it ran out of memory" if each.out_of_memory else ""
            return f"✓ {key}  {duration(between(each.started_at, each.finished_at))}{flaky}{memory}"
        mark = "-" if each.state is RunState.SKIPPED else "✗"
        words = title(each, self._local.limits_of(each.suite))
        log = f" · log {self._logs[key]}" if each.state is not RunState.SKIPPED and each.started_at else ""
        took = f" · {duration(between(each.started_at, each.finished_at))}" if each.started_at else ""
        return f"{mark} {key}  {words}{took}{log}"


def _hiding(secrets: Mapping[str, str]) -> Hide:
    masker = Masker(secrets.values())
    return lambda printed: masker.feed(printed) + masker.flush()


def _group_line(run: Run, group: Group) -> str:
    mark = "✓" if group.code == 0 else "✗"
    code = f"  exit {group.code}" if group.code else ""
    took = f"  {duration(group.seconds)}" if group.seconds is not None else ""
    return f"{mark} {one_line(run.suite.commands[group.number - 1], 60)}{code}{took}"


class _Afterwards:
    """What people do with a suite that has ended."""

    def __init__(self, local: Local, *, shell: bool, keep: bool) -> None:
        self._local, self._shell, self._keep = local, shell, keep

    def linger(self, job: Job, ended: Run) -> bool:
        folder = ended.suite.workdir
        if self._shell and ended.state is not RunState.CANCELLED:
            click.echo(
                f"assay: {title(ended, self._local.limits_of(ended.suite))}; a shell in its container:", err=True
            )
            self._local.shells.open(job, folder)
        if not self._keep or conclusion(ended) in PASSING:
            return False
        kept = self._local.shells.keep(job, folder)
        self._local.keep()
        click.echo(f"assay: kept {ended.suite.key}: its files are in {kept.files}", err=True)
        click.echo(f"  enter it:  docker exec -it -w {shlex.quote(kept.folder)} {kept.container} sh", err=True)
        click.echo("  remove it: assay run --clean", err=True)
        return True


def _refuse_shell(suites: Sequence[Suite]) -> None:
    """Raises: BadInput."""
    if len(suites) > 1:
        raise BadInput(f"--shell is for one suite and one cell; this is {_count(suites)}: name it, or use --set")
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise BadInput("--shell needs a terminal")


def status_of(runs: Sequence[Run]) -> int:
    """What may fail counts as passed, and so does what was skipped: the suite that it needs did not pass."""
    bad = {each.state for each in runs if conclusion(each) not in PASSING}
    return next((status for state, status in _NO_SUCCESS if state in bad), 0)


class _Ending:
    """Used as a context. Ctrl-C and TERM end what runs in good order, a second one at once."""

    def __init__(self) -> None:
        self.status = 0
        """Exit status that the signal asks for; 0: none came."""

    def __enter__(self) -> Self:
        for number in _SIGNALS:
            signal.signal(number, self._hear)
        return self

    def __exit__(self, *_: object) -> None:
        """The handlers stay: after the end of the work comes that of the process."""

    def wish(self) -> Stop | None:
        return Stop.CANCELLED if self.status else None

    def _hear(self, number: int, _: object) -> None:
        if self.status:
            for each in _SIGNALS:
                signal.signal(each, signal.SIG_IGN)
            raise KeyboardInterrupt
        self.status = _SIGNALS[number]
        click.echo("\nassay: ending; once more ends it at once", err=True)


_SIGNALS: Final[Mapping[int, int]] = {signal.SIGINT: 130, signal.SIGTERM: 5, signal.SIGHUP: 5}
"""With their exit statuses."""


def _axes(texts: Sequence[str]) -> dict[str, list[str]]:
    pairs = [text.partition("=") for text in texts]
    if wrong := [text for text, (axis, equals, _) in zip(texts, pairs, strict=True) if not axis or not equals]:
        raise BadInput(f"--set {wrong[0]}: write it like --set python=3.12")
    return {axis: [value for other, _, value in pairs if other == axis] for axis, _, _ in pairs}


def read_secrets(path: Path) -> dict[str, str]:
    """Blank lines and those that begin with # are nothing; a value is all that stands behind the first =.

    Raises:
        BadInput: names the line, never what stands in it.
    """
    found = {}
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{path}: can't be read as text") from error
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        name, equals, value = line.removesuffix("\r").partition("=")
        if fault := "write NAME=VALUE" if not equals else fault_of_name(name) or fault_of_value(value):
            raise BadInput(f"{path}:{number}: {fault}")
        found[name] = value
    return found


def log_paths(suites: Sequence[Suite]) -> dict[str, str]:
    """By the suites' keys, relative to the root; two keys never share one."""
    paths = dict[str, str]()
    for suite in suites:
        stem = "-".join(filter(None, (suite.name, _NOT_IN_NAMES.sub("-", suite.label).strip("-"))))
        taken = set(paths.values())
        names = (f"{FOLDER}/logs/{stem}{'' if turn == 1 else f'~{turn}'}.log" for turn in range(1, len(suites) + 1))
        paths[suite.key] = next(name for name in names if name not in taken)
    return paths


def _refuse_links(folder: Path) -> None:
    """A repository may hold such a folder. Raises: BadInput: what a suite prints would be written elsewhere."""
    for one in (folder, *(folder / name for name in (".gitignore", "cache", "logs", "runs"))):
        if one.is_symlink():
            raise BadInput(f"{one} is a link, and nothing of ours is written where it leads: remove it")


def _make_folder(root: Path) -> None:
    """Git never sees it."""
    folder = root / FOLDER
    folder.mkdir(exist_ok=True)
    if not (folder / ".gitignore").exists():
        (folder / ".gitignore").write_text("*\n", encoding="ascii")


def _count(suites: Sequence[Suite]) -> str:
    names, cells = len({suite.name for suite in suites}), len(suites)
    words = f"{names} suite{'s' if names > 1 else ''}"
    return f"{words}, {cells} cells" if cells > names else words


def _keep_quiet() -> None:
    """What the sandbox logs is for operators."""
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(40),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
