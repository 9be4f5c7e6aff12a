"""`assay demo`: a pretend forge, the real server, real containers, and a round of what it is for."""

import contextlib
import signal
import socket
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from bot.demo import history
from bot.demo.engine import NoEngine, containers_of, provide_image
from bot.demo.forge.github import PretendGitHub
from bot.demo.gitlab.gitlab import PretendGitLab
from bot.demo.hello import Hello
from bot.demo.on_github import OnGitHub
from bot.demo.on_gitlab import OnGitLab
from bot.demo.round import Round
from bot.demo.serving import ServeFailed, Serving
from bot.demo.stage import C, Stage
from bot.domain.errors import Gone
from bot.settings import BadSettings, read

FORGE_PORT: Final = 8040
ASSAY_PORT: Final = 8000


def run_demo(forge: str = "github", *, once: bool) -> int:
    """Play the round; then end (`once`) or keep serving until Ctrl-C. 0: every check was right."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    try:
        docker_host = read().docker_host
        say("Assay's demo: a pretend forge, the real server, real containers.\n")
        say(f"  image    busybox, {provide_image(docker_host)}")
        with tempfile.TemporaryDirectory(prefix="assay-demo-") as folder:
            wrong = _demo(forge, Path(folder), docker_host, once=once)
    except KeyboardInterrupt:
        say("\nEnded.")
        return 130
    except (NoEngine, Gone, BadSettings, ServeFailed) as error:
        say(f"assay demo: {error}")
        return 1
    for each in wrong:
        say(f"  wrong: {each}")
    return 1 if wrong else 0


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _demo(forge: str, folder: Path, docker_host: str, *, once: bool) -> list[str]:
    """Gives what was not right."""
    port = free_port(ASSAY_PORT)
    hook = f"http://127.0.0.1:{port}/webhooks/{forge}"
    if forge == "gitlab":
        lab = PretendGitLab(folder / "forge", webhook_url=hook)
        return _on(forge, OnGitLab(lab), port, folder, docker_host, once=once)
    github = PretendGitHub(folder / "forge", webhook_url=hook)
    return _on(forge, OnGitHub(github), port, folder, docker_host, once=once)


def _on(forge: str, stage: Stage[C], port: int, folder: Path, docker_host: str, *, once: bool) -> list[str]:
    stage.start(free_port(FORGE_PORT))
    try:
        serving = Serving(stage.settings(folder), port, folder, docker_host)
        try:
            wrong, runs = _play(forge, stage, serving, once=once)
        finally:
            in_order = serving.stop()
    finally:
        stage.stop()
    if not in_order:
        wrong.append("`assay serve` did not end in good order")
    left = containers_of(docker_host, runs)
    return [*wrong, *(f"container {name} is left" for name in left)]


def _play(forge: str, stage: Stage[C], serving: Serving, *, once: bool) -> tuple[list[str], list[str]]:
    """Gives what was not right, and the ids of the runs."""
    serving.wait_ready()
    say(f"  forge    {stage.url}")
    say(f"  assay    {serving.url}")
    if not once:
        serving.run_beside(history.__name__, forge, stage.url)
        say(f"  history  {serving.url}/repos/{forge}/{history.PATH}, {history.BUILDS} builds")
    a_round = Round(stage, Hello(stage), say, lambda: not serving.has_ended)
    a_round.play()
    if serving.has_ended:
        a_round.wrong.append(f"`assay serve` ended by itself:\n{serving.last_words()}")
    say("\nAll checks are right." if not a_round.wrong else "\nNot everything is right.")
    if not once and not serving.has_ended:
        _keep_serving(stage, serving)
    return a_round.wrong, a_round.runs


def _keep_serving(stage: Stage[C], serving: Serving) -> None:
    say(f"\nGo on yourself at {stage.url}: open a {stage.word}, break it, comment {stage.prefix}retest.")
    say(f"The checks link to {serving.url}. Ctrl-C ends everything.")
    with contextlib.suppress(KeyboardInterrupt):
        while not serving.has_ended:
            time.sleep(1)
        say(f"`assay serve` ended by itself:\n{serving.last_words()}")
    say("\nEnding.")


def free_port(wanted: int) -> int:
    """The wanted port, or any free one when it is taken."""
    for port in (wanted, 0):
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)) as found:
            return int(found.getsockname()[1])
    raise ServeFailed("there is no free port on 127.0.0.1")
