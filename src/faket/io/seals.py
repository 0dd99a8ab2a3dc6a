"""JSON content that carries a hash of itself: for what changes when a run is repeated."""

import hashlib
import json
from typing import Any

_KEY = "sha256"


def sealed(content: dict[str, Any]) -> dict[str, Any]:
    """Return content with a hash of itself, by which :func:`is_intact` knows it."""
    return {**content, _KEY: _digest(content)}


def is_intact(content: dict[str, Any]) -> bool:
    """Tell whether sealed content is as it was sealed; what was never sealed counts as such."""
    rest = {key: value for key, value in content.items() if key != _KEY}
    return bool(content.get(_KEY, _digest(rest)) == _digest(rest))


def _digest(content: Any) -> str:
    text = json.dumps(content, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()
