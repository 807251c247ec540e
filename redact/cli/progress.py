"""How far a job of several stages is, as one number that never goes backwards."""

from __future__ import annotations

import itertools
from collections.abc import Mapping

# The first round ends here; a job that nothing has to be repaired in skips the rest.
_FIRST_ROUND_END = 0.95
# A repetition takes this share of what is left, because nobody knows whether it is the last one.
_LATER_ROUND_SHARE, _PASS_SHARE = 0.6, 0.9
_COMPILE_LABEL = "compiling kernels (first use only)..."


class JobProgress:
    """Turns the calls of a progress callback into a fraction of the whole job and a label.

    The stages of the first round share the range up to 95 % according to their weights. A stage may
    count its frames again, as when the audit looks closely around a leak: such a pass continues
    within what is left of the stage's range. When the job returns to an earlier stage, as when it
    repairs a leak, a new round begins within what is left of the whole range.

    Args:
        weights: the share of each stage in the time of a job, by name and in order.

    """

    def __init__(self, weights: Mapping[str, float]) -> None:
        self.fraction = 0.0
        """How much of the job is done, 0..1."""
        self._weights = dict(weights)
        self._stage, self._last_done, self._round = "", 0, 0
        self._is_compiling = False
        # (start, end) of each stage that this round has not reached yet.
        self._ranges: dict[str, tuple[float, float]] = {}
        self._stage_end = self._pass_start = self._pass_end = 0.0

    @property
    def label(self) -> str:
        """What is being done, such as "render" or "render, round 2"."""
        if self._is_compiling:
            return _COMPILE_LABEL
        return f"{self._stage}, round {self._round}" if self._round > 1 else self._stage

    def update(self, stage: str, done: int, total: int | None) -> None:
        """Take one call of the callback."""
        self._is_compiling = stage == "compile"
        if self._is_compiling:
            return
        if stage != self._stage:
            self._start_stage(stage)
        elif done < self._last_done:
            self._start_pass()
        self._last_done = done
        if total:
            share = min(1.0, done / total)
            position = self._pass_start + share * (self._pass_end - self._pass_start)
            self.fraction = max(self.fraction, position)

    def finish(self) -> None:
        """Take note that the job is done."""
        self._is_compiling, self.fraction = False, 1.0

    def _start_stage(self, stage: str) -> None:
        if stage not in self._ranges:
            self._start_round(stage)
        while self._stage != stage:
            # Stages that are passed over took less time than was thought.
            self._stage = next(iter(self._ranges))
            start, self._stage_end = self._ranges.pop(self._stage)
        self.fraction = max(self.fraction, start)
        self._start_pass()

    def _start_round(self, first_stage: str) -> None:
        """Divide what is left among the stages of a new round."""
        self._round += 1
        weights = self._weights if first_stage in self._weights else {first_stage: 1.0}
        end = _FIRST_ROUND_END
        if self._round > 1:
            later = itertools.dropwhile(lambda name: name != first_stage, weights)
            weights = {name: weights[name] for name in later}
            end = self.fraction + _LATER_ROUND_SHARE * (1.0 - self.fraction)
        unit = (end - self.fraction) / sum(weights.values())
        self._stage, self._ranges, position = "", {}, self.fraction
        for name, weight in weights.items():
            self._ranges[name] = (position, position + unit * weight)
            position += unit * weight

    def _start_pass(self) -> None:
        self._pass_start = self.fraction
        self._pass_end = self.fraction + _PASS_SHARE * (self._stage_end - self.fraction)
