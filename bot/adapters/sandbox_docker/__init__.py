"""The sandbox on a Docker engine: one hardened container, one volume and one folder per attempt (RELIABILITY §7)."""

from bot.adapters.sandbox_docker.firewall import Firewall
from bot.adapters.sandbox_docker.sandbox import DockerSandbox

__all__ = ["DockerSandbox", "Firewall"]
