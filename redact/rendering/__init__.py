"""A plan carried out: every frame covered and encoded."""
