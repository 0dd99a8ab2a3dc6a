"""JSON content with a hash of itself, for records that change when a run is repeated."""

import hashlib
import json
from typing import Any

_KEY = "sha256"


def sealed(content: dict[str, Any]) -> dict[str, Any]:
    """Return content with a hash of itself, which :func:`is_intact` compares."""
    return {**content, _KEY: _digest(content)}


def is_intact(content: dict[str, Any]) -> bool:
    """Return whether content is as it was sealed; content without a seal is not."""
    rest = {key: value for key, value in content.items() if key != _KEY}
    return bool(content.get(_KEY) == _digest(rest))


def _digest(content: Any) -> str:
    text = json.dumps(content, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()
