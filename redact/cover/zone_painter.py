"""Covers of zones: polygons that stay where they are, painted by masks that are made once."""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

from redact.cover.polygons import opacity
from redact.cover.styles import Style
from redact.cover.tone import chroma_edges
from redact.cover.tuning import TUNING
from redact.geometry import Edges
from redact.types import Region


@dataclasses.dataclass(frozen=True, eq=False)
class _Mask:
    """Which pixels of a plane a polygon covers."""

    box: Edges
    """In pixels of the plane; the arrays below are relative to it."""
    opaque: NDArray[np.bool_]
    """(rows, columns) where nothing shows through."""
    faded: tuple[NDArray[np.intp], ...]
    """Rows and columns of the (N,) pixels where something does."""
    shares: NDArray[np.uint16]
    """(N, 1) how much of the cover those have, 1..254."""


class ZonePainter:
    """Paints cells through the masks of polygons.

    style: says how cells are joined.
    """

    def __init__(self, style: Style) -> None:
        self._style = style
        self._masks: dict[tuple[Region, bool], _Mask] = {}
        # By plane: the cells that were painted last, and the (rows, columns, C) pixels they gave.
        self._painted: dict[tuple[Region, int], tuple[NDArray[np.float32], NDArray[np.uint8]]] = {}

    def paint(
        self,
        plane: NDArray[np.uint8],
        region: Region,
        cells: NDArray[np.float32],
        number: int,
    ) -> None:
        """Cover a polygon in one plane, in place.

        Args:
            plane: (H, W * C) uint8.
            region: of a zone.
            cells: (rows, columns, C) float32, are stretched over the region's box.
            number: of the plane: 0 is luma or BGR, 1 and 2 are chroma, half as large.

        """
        mask = self._mask(region, is_chroma=number > 0)
        x0, y0, x1, y1 = mask.box
        channels = cells.shape[2]
        cover = self._cover(region, number, cells)
        part = plane[y0:y1, x0 * channels : x1 * channels].reshape(cover.shape)
        np.copyto(part, cover, where=mask.opaque[:, :, None])
        old, new = part[mask.faded].astype(np.uint16), cover[mask.faded].astype(np.uint16)
        part[mask.faded] = (old * (255 - mask.shares) + new * mask.shares + 127) // 255

    def opaque(self, region: Region) -> NDArray[np.bool_]:
        """Which luma pixels of a region's box are covered opaquely."""
        return self._mask(region, is_chroma=False).opaque

    def opaque_area(self, region: Region) -> int:
        """How many luma pixels are covered opaquely."""
        return int(np.count_nonzero(self.opaque(region)))

    def _mask(self, region: Region, *, is_chroma: bool) -> _Mask:
        if (region, is_chroma) not in self._masks:
            scale = 0.5 if is_chroma else 1.0
            box = (region.x0, region.y0, region.x1, region.y1)
            box = chroma_edges(box) if is_chroma else box
            points = [(x * scale, y * scale) for x, y in region.polygon]
            shares = opacity(points, box, scale * TUNING.zone_fade_pixels)
            faded = np.nonzero((shares > 0) & (shares < 255))
            self._masks[region, is_chroma] = _Mask(
                box, shares == 255, faded, shares[faded].astype(np.uint16)[:, None]
            )
        return self._masks[region, is_chroma]

    def _cover(self, region: Region, number: int, cells: NDArray[np.float32]) -> NDArray[np.uint8]:
        """The cells stretched over the region's box; computed again only when they change."""
        known = self._painted.get((region, number))
        if known is not None and known[0] is cells:
            return known[1]
        from redact.cover import kernels

        x0, y0, x1, y1 = self._mask(region, is_chroma=number > 0).box
        cover = np.empty((y1 - y0, (x1 - x0) * cells.shape[2]), dtype=np.uint8)
        kernels.paint(cover, 0, 0, x1 - x0, y1 - y0, cells, self._style.is_smooth, False, 0.0)
        cover = cover.reshape(y1 - y0, x1 - x0, cells.shape[2])
        self._painted[region, number] = (cells, cover)
        return cover
