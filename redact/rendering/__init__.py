"""A plan carried out: every frame covered and encoded.

The package is not called `render`, because `redact.render` is the public function.
"""
