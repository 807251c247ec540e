"""Plans as JSON: written without loss, read with every value checked. See FORMAT.md."""

from redact.plan.json.reading import plan_from_dict
from redact.plan.json.writing import as_text, plan_to_dict

__all__ = ["as_text", "plan_from_dict", "plan_to_dict"]
