"""Many clips: what has to be done, who does it, and what became of each.

`sources` finds the clips, `manifest` remembers what became of them, an engine (`serial`,
`processes`, `ray_engine`) redacts them, and `driver` brings the three together, for
`redact_many` in `many` and for a folder that fills in `watching`.
"""
