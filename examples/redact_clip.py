"""Redact a clip step by step: analyze it, review the plan, render it, read the report.

python examples/redact_clip.py              makes a small doorbell clip and redacts it
python examples/redact_clip.py porch.mp4    redacts your own clip

The results are written to the folder `redacted` in the current folder.
"""

import sys
from pathlib import Path

from side_by_side import save_side_by_side

import redact

results = Path("redacted")
results.mkdir(exist_ok=True)

# 1. Choose a clip: your own, or a made one with a real face and a parked car with a plate.
if len(sys.argv) > 1:
    source = Path(sys.argv[1])
else:
    from doorbell_scene import write_scene

    source = results / "doorbell.mp4"
    write_scene(source)

# 2. Detect and track every face and plate. This writes nothing, so the plan can be reviewed first.
plan = redact.analyze(source)
for track in plan.tracks:
    frames = f"frames {track.start_index} to {track.stop_index - 1} of {len(plan.clip.pts)}"
    print(f"{track.kind} {track.id}: {frames}")

# If the person in track 1 agreed to be seen, leave that track uncovered:
#     plan = plan.keep([1], reason="she agreed")

# 3. Cover everything in the plan and encode the result. Before the file gets its final name, the
#    result is scanned again; a face or plate that still shows raises `redact.LeakError`.
target = results / f"{source.stem}.redacted.mp4"
report = redact.render(plan, target)

# 4. Keep the report of what was covered and what was removed, for people and for programs.
page = results / f"{source.stem}.html"
report.save_html(page)
report.save_json(page.with_suffix(".json"))

# 5. Compare the two clips by eye.
image = results / f"{source.stem}.jpg"
save_side_by_side(source, target, image)
print(f"result: {target.resolve()}")
print(f"report: {page.resolve()}")
print(f"before and after: {image.resolve()}")

# The made clip has exactly one face and one plate, so anything else is an error.
kinds = sorted(track.kind for track in report.plan.tracks)
if len(sys.argv) == 1 and kinds != ["face", "plate"]:
    sys.exit(f"expected a face and a plate in the made clip, but {kinds} were covered")
