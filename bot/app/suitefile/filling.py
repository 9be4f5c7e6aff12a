"""The texts of one cell: placeholders of the matrix give way to its values."""

from collections.abc import Mapping
from dataclasses import dataclass

from bot.app.suitefile import patterns, placeholders, values
from bot.app.suitefile.findings import Findings, quoted
from bot.app.suitefile.images import check_image
from bot.app.suitefile.reading import Text


@dataclass(frozen=True, slots=True)
class Filling:
    where: str
    """The suite."""
    texts: Mapping[str, str]
    found: Findings

    def text(self, word: Text | None) -> str:
        """Nothing when there is none or when it can't be filled."""
        if word is None or word.placeholder is None:
            return word.value if word else ""
        missing = [axis for axis in placeholders.axes(word.value) if axis not in self.texts]
        for axis in missing:
            message = f"{self.where}: its matrix has no {quoted(axis)} in every cell"
            advice = values.meant(Text(axis, word.place), self.texts)
            self.found.add("C204", word.placeholder, message, advice or f'write it like "matrix: {{{axis}: […]}}"')
        return "" if missing else placeholders.fill(word.value, self.texts)

    def image(self, word: Text | None) -> str:
        name = self.text(word)
        if name and word and word.placeholder:
            check_image(name, word, self.where, self.found)
        return name

    def labels(self, words: tuple[Text, ...] | None) -> tuple[str, ...]:
        return tuple(dict.fromkeys(label for word in words or () if (label := self._label(word))))

    def _label(self, word: Text) -> str:
        label = self.text(word)
        if label and word.placeholder:
            values.check_label(label, word, f"{self.where}.runs_on", self.found)
        return label

    def globs(self, words: tuple[Text, ...] | None) -> tuple[str, ...]:
        return tuple(self._glob(word) for word in words or ())

    def _glob(self, word: Text) -> str:
        glob = self.text(word)
        why = patterns.path_fault(glob) if glob and word.placeholder else ""
        if why:
            self.found.add("C109", word.place, f"{self.where}: {quoted(glob)}: {why}")
        return glob
