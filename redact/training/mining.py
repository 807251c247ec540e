"""Hard negatives: what the network takes for plates in photographs, and what is none.

Training scenes show these places more often (after Sung and Poggio, "Example-based learning for
view-based human face detection", 1998, who called it bootstrapping).
"""

from __future__ import annotations

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from redact.detectors.plates import decode
from redact.geometry import overlaps, suppress
from redact.training.photos import Photo

_MIN_SCORE = 0.3
_MAX_PLACES = 4
_NMS_IOU = 0.2
_MULTIPLE = 32


def lookalike_places(net: nn.Module, photo: Photo) -> NDArray[np.float32]:
    """(K, 4) boxes that the network detects in the photo where no plate is, surest first."""
    height, width = photo.image.shape
    padded = cv2.copyMakeBorder(
        photo.image, 0, -height % _MULTIPLE, 0, -width % _MULTIPLE, cv2.BORDER_REPLICATE
    )
    image = torch.from_numpy(padded.astype(np.float32))[None, None]
    with torch.no_grad():
        maps = net(image.to(next(net.parameters()).device))[0].cpu().numpy()
    boxes, scores = decode(maps, _MIN_SCORE)
    boxes = boxes[suppress(boxes, scores, _NMS_IOU)]
    known = [*photo.boxes, *photo.ignored]
    is_apart = [not any(overlaps(tuple(box), tuple(other)) for other in known) for box in boxes]
    return boxes[np.asarray(is_apart, dtype=np.bool_)][:_MAX_PLACES]
