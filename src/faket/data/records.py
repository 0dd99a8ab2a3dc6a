"""Records of any kind as JSON has them."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np


def plain_record(record: Any) -> Any:
    """Return a record of any depth as dictionaries, lists, numbers and texts, as JSON has them.

    Fields of dataclasses become entries in their order; arrays and tuples become lists.
    """
    if is_dataclass(record):
        return {item.name: plain_record(getattr(record, item.name)) for item in fields(record)}
    if isinstance(record, Mapping):
        return {str(key): plain_record(value) for key, value in record.items()}
    if isinstance(record, list | tuple):
        return [plain_record(value) for value in record]
    return record.tolist() if isinstance(record, np.ndarray | np.generic) else record
