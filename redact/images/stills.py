"""The whole way of an image file: analyze it, cover the plan, audit the result.

An image is a clip of one frame as far as plans and reports are concerned. It has scans of its own,
because no other frame supports a detection.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np

from redact import audit, geometry, image_files, video
from redact.analysis.scan_presets import build_audit_scans, build_still_scans
from redact.analysis.scans import ScanSpec, min_face_pixels
from redact.cover.painter import Cover
from redact.cover.regions import regions_of, zone_regions
from redact.images.arrays import Image, detect_in_image
from redact.job import Job
from redact.output import staged
from redact.plan import Plan
from redact.plan.trimming import frames_kept
from redact.report import Report
from redact.resizing import shrunk
from redact.tracking.merging import merge_detections
from redact.types import ClipInfo, Detection, Track
from redact.video.hidden_data import find_seals
from redact.views import Presentation

# Of images with this longer side, in pixels, copies with those are searched as well.
_LARGE_SIDE, _SMALL_SIDES = 2560, (1280, 480)


def probe_still(job: Job, path: Path) -> tuple[ClipInfo, image_files.StoredImage]:
    """An image file as a clip of one frame, and what it shows.

    Raises:
        ClipError: the file can't be read as an image.

    """
    # Hashed before it is read: an image that changes meanwhile must not pass for this one.
    sha256 = video.file_sha256(path)
    stored = image_files.read_image(path, max_pixels=job.settings.max_pixels)
    height, width = stored.pixels.shape[:2]
    clip = ClipInfo(
        path=path,
        sha256=sha256,
        width=width,
        height=height,
        rotation_degrees=0,
        time_base=Fraction(1),
        pts=np.zeros(1, dtype=np.int64),
        has_audio=False,
        frame_rate=Fraction(1),
        sample_aspect_ratio=Fraction(1),
        color_range=2,
        color_primaries=2,
        color_transfer=2,
        color_matrix=2,
        frame_count_estimate=1,
        is_still=True,
        turn_degrees=job.settings.turn_degrees or 0,
        dropped=(
            *stored.dropped,
            *(f"C2PA manifest ({seal.size} bytes)" for seal in find_seals(path)),
        ),
        warnings=stored.warnings,
    )
    return clip, stored


def analyze_still(job: Job, path: Path) -> Plan:
    """Detect what has to be covered in an image file; each face and plate is a track of one frame.

    Raises:
        ClipError: the file can't be read as an image.
        WeightsError: a model's file is missing.

    """
    clip, stored = probe_still(job, path)
    frames_kept(clip, job.settings)  # Refuses to cut an image off.
    job.tell("analyze", 0, 1)
    with job.scans(build_still_scans, threads=job.settings.threads) as scans:
        found = _detect(stored.pixels, job, scans)
        aspect = job.settings.pixel_aspect or 1.0
        seen_as = Presentation.of(aspect, clip.turn_degrees)
        smallest = min_face_pixels(scans, clip.upright_size, seen_as)
    tracks = [_track(number, detection) for number, detection in enumerate(found, 1)]
    job.tell("analyze", 1, 1)
    job.spent("analyze")
    return Plan(
        clip=clip,
        settings=job.settings,
        tracks=tuple(tracks),
        min_face_pixels=smallest,
    )


def render_still(job: Job, plan: Plan, target: Path) -> Report:
    """Write the image with everything in `plan` covered, and audit the result.

    Raises:
        ClipError, TargetError: the source can't be read, or the target can't be written.
        LeakError: the result still shows a face or plate; nothing is written.

    """
    settings = plan.settings
    stored = image_files.read_image(plan.clip.path, max_pixels=settings.max_pixels)
    with staged(target) as unfinished:
        leaks: tuple[Detection, ...] = ()
        audited = audit.AuditResult()
        for _ in range(audit.TUNING.max_rounds):
            if leaks:
                plan = audit.cover_leaks(plan, leaks)
            pixels = stored.pixels.copy()
            size = plan.clip.upright_size
            regions = regions_of(plan.covered_tracks, 0, size, settings)
            regions += [region for _, region in zone_regions(plan.zones, size)]
            covered = Cover(settings).image(pixels, regions)
            image_files.write_image(unfinished, pixels, stored)
            job.tell("render", 1, 1)
            job.spent("render")
            audited = audit_still(job, plan, unfinished)
            leaks = audited.leaks
            if not leaks:
                break
        audit.refuse_certain_leaks(plan.clip, leaks)
        return Report(
            plan=plan,
            output=target,
            output_sha256=video.file_sha256(unfinished),
            frame_count=1,
            covered_ratio=covered / (plan.clip.width * plan.clip.height),
            leaks=leaks,
            audited_frames=len(audited.frames),
            min_face_pixels=audited.min_face_pixels,
            stage_seconds=job.seconds,
        )


def audit_still(job: Job, plan: Plan, path: Path) -> audit.AuditResult:
    """Search an image file for what no track of the plan covers, where the settings ask for it."""
    if not job.settings.audit:
        return audit.AuditResult()
    pixels = image_files.read_image(path, max_pixels=job.settings.max_pixels).pixels
    with job.scans(build_audit_scans, threads=job.settings.threads) as scans:
        result = audit.find_leaks_in_image(pixels, plan, scans)
    job.tell("audit", 1, 1)
    job.spent("audit")
    return result


def _detect(pixels: Image, job: Job, scans: Sequence[ScanSpec]) -> list[Detection]:
    """What is detected in the image, and in smaller copies of a large one.

    The passes over a large image see a face that fills it at sizes at which no network knows faces.
    """
    found = detect_in_image(pixels, job.settings, scans=scans)
    height, width = pixels.shape[:2]
    if max(height, width) < _LARGE_SIDE:
        return found
    for side in _SMALL_SIDES:
        scale = side / max(height, width)
        small = shrunk(pixels, max(1, round(scale * width)), max(1, round(scale * height)))
        factors = (width / small.shape[1], height / small.shape[0])
        found += [
            dataclasses.replace(detection, box=geometry.scaled(detection.box, factors))
            for detection in detect_in_image(small, job.settings, scans=scans)
        ]
    return merge_detections(found)


def _track(number: int, detection: Detection) -> Track:
    return Track(
        id=number,
        kind=detection.kind,
        start_index=0,
        boxes=np.asarray([detection.box], dtype=np.float32),
        scores=np.asarray([detection.score], dtype=np.float32),
    )
