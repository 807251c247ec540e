"""Redact a clip and look at what was done.

python examples/redact_clip.py              makes a small doorbell scene of its own, redacts it
python examples/redact_clip.py porch.mp4    redacts your clip

The results land in the folder `redacted` under the current one.
"""

import sys
from pathlib import Path

from pictures import save_side_by_side

import redact

results = Path("redacted")
results.mkdir(exist_ok=True)

# The clip: yours, or a made-up visitor with a real face, beside a parked car with a plate.
if len(sys.argv) > 1:
    source = Path(sys.argv[1])
else:
    from doorbell_scene import write_scene

    source = results / "doorbell.mp4"
    write_scene(source)

# First look and track: this writes nothing, so the plan can be reviewed and changed.
plan = redact.analyze(source)
for track in plan.tracks:
    seen = f"frames {track.start_index} to {track.stop_index - 1} of {len(plan.clip.pts)}"
    print(f"found {track.kind} {track.id}: {seen}")

# Whoever agreed to be seen could be left visible now: plan = plan.allow({1})

# Then cover, write, and look at the result again before it gets its name.
target = results / f"{source.stem}.redacted.mp4"
report = redact.render(plan, target)
report.save_html(results / f"{source.stem}.html")
report.save_json(results / f"{source.stem}.json")

save_side_by_side(source, target, results / f"{source.stem}.jpg")

print(f"result: {target.resolve()}")
print(f"report: {(results / f'{source.stem}.html').resolve()}")
print(f"before and after: {(results / f'{source.stem}.jpg').resolve()}")

# A made-up scene must have had one face and one plate: say so loudly if it did not.
kinds = {track.kind for track in plan.tracks}
if len(sys.argv) == 1 and kinds != {"face", "plate"}:
    sys.exit(f"expected a face and a plate in the example scene, found {sorted(kinds)}")
