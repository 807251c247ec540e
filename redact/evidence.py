"""How sure detectors must be: which finds make a track, by kind."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class Evidence:
    """Which finds make a track that is covered. All but `count` are scores, 0..1."""

    sure: float
    """From this score on a find is matched first, and its track is followed and looked for."""
    alone: float
    """One find with this score is enough."""
    agreeing: float
    count: int
    """So many finds in one track with the score `agreeing` are enough too."""
    still: float
    """What never moved needs a find with this score, however often it was seen."""
    along: int | None = None
    """What went along by several sizes and was found in so many frames, however faintly, needs a
    find with the score `still`, too; None: that is no evidence."""


# Measured on scenes and clips with known boxes: faces that never reached `alone` with fewer
# agreeing finds were false, since lone weak looks repeat on the same leaves and bricks. Plates'
# scores are those after a second look, which leaves 0.5 to a sixth of the false finds that had it,
# and to one in ten plates less; far, dark or half hidden ones are seen again and again.
_EVIDENCE = {
    "face": Evidence(sure=0.5, alone=0.5, agreeing=0.3, count=5, still=0.4),
    "plate": Evidence(sure=0.3, alone=0.5, agreeing=0.3, count=3, still=0.35, along=6),
}
_OTHER_EVIDENCE = Evidence(sure=0.5, alone=0.5, agreeing=0.3, count=3, still=0.3)


def evidence_for(kind: str) -> Evidence:
    """What a thing of this kind needs to be covered."""
    return _EVIDENCE.get(kind, _OTHER_EVIDENCE)
