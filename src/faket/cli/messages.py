"""What commands say on the error stream beside their output: lines, or JSON for machines.

``--log-json`` is an option of every command. It is looked for before the command line is understood
(:func:`speaking`), so that mistakes in it are JSON too.
"""

import inspect
import json
import logging
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import wraps
from typing import Annotated, Any

from cyclopts import Parameter

_OPTION = "--log-json"
_HELP = (
    "Write what is said while the command works to the error stream as JSON, one object a line: "
    "time, command, and what, done, total, seconds_left; or notice; or error and exit_code."
)
_command: str | None = None  # whose messages are JSON now; None: plain lines


@contextmanager
def speaking(words: Sequence[str]) -> Iterator[None]:
    """Say everything as JSON in the body, if the command line asks for it."""
    global _command
    if _OPTION not in words:
        yield
        return
    before, _command = _command, words[0]
    handler, log = _Notices(), logging.getLogger("faket")
    log.addHandler(handler)
    try:
        yield
    finally:
        log.removeHandler(handler)
        _command = before


def is_json() -> bool:
    """Return whether messages are JSON."""
    return _command is not None


def notice(text: str) -> None:
    """Say what the user should know, in one line."""
    say_json(notice=text) if is_json() else print(text, file=sys.stderr, flush=True)


def failure(text: str, code: int) -> None:
    """Say, in one line, what ended a command."""
    if is_json():
        say_json(error=text, exit_code=code)
    else:
        print(f"faket: {text}", file=sys.stderr)


def say_json(**content: Any) -> None:
    """Write an object with the time and the name of the command."""
    time = datetime.now(UTC).isoformat(timespec="milliseconds")
    line = json.dumps({"time": time, "command": _command, **content}, ensure_ascii=False)
    print(line, file=sys.stderr, flush=True)


def with_log_json(command: Callable[..., object]) -> Callable[..., object]:
    """Return the command with the option ``--log-json``, which :func:`speaking` has read."""

    @wraps(command)
    def talking(*args: Any, log_json: bool = False, **kwargs: Any) -> object:
        return command(*args, **kwargs)

    kind = Annotated[bool, Parameter(help=_HELP, negative=())]
    option = inspect.Parameter(
        "log_json", inspect.Parameter.KEYWORD_ONLY, default=False, annotation=kind
    )
    signature = inspect.signature(command)
    parameters = [*signature.parameters.values(), option]
    talking.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    talking.__annotations__ = {**command.__annotations__, "log_json": kind}
    return talking


class _Notices(logging.Handler):
    """What a room tells of a file that it reads (:func:`faket.io.failures.notice`)."""

    def emit(self, record: logging.LogRecord) -> None:
        notice(record.getMessage())
