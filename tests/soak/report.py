"""What a soak leaves behind: JSON for programs, text for people."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Done:
    at: float
    what: str
    words: str


@dataclass(slots=True, kw_only=True)
class Report:
    seed: int
    minutes: float
    done: list[Done] = field(default_factory=list)
    figures: dict[str, float] = field(default_factory=dict)
    violations: Sequence[str] = ()

    def write(self, folder: Path, faults: Mapping[str, int]) -> tuple[Path, Path]:
        folder.mkdir(parents=True, exist_ok=True)
        places = folder / f"soak-{self.seed}.json", folder / f"soak-{self.seed}.txt"
        places[0].write_text(json.dumps(asdict(self), indent=1))
        places[1].write_text(self.text(faults))
        return places

    def text(self, faults: Mapping[str, int]) -> str:
        counted = Counter(each.what for each in self.done)
        return "\n".join(
            [
                f"Soak of {self.minutes:g} minutes, seed {self.seed}: "
                + (f"{len(self.violations)} violations" if self.violations else "no violation"),
                "",
                *(f"  {name:<44} {value:>10,}" for name, value in self.figures.items()),
                "",
                "What happened:",
                *(f"  {name:<44} {count:>10}" for name, count in sorted(counted.items()) if name not in faults),
                "Faults:",
                *(f"  {name:<44} {count:>10}" for name, count in sorted(counted.items()) if name in faults),
                "",
                *(f"violated: {one}" for one in self.violations),
                "",
            ]
        )
