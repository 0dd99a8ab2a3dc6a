"""The application: its commands, and errors as one line with exit code 2."""

import sys
from collections.abc import Callable, Sequence

from cyclopts import App, CycloptsError, Parameter

import faket
from faket.cli import datasets, images, specimens
from faket.cli.compare import compare
from faket.cli.export import export
from faket.cli.inspect import inspect
from faket.cli.match import match
from faket.cli.messages import failure, speaking, with_log_json
from faket.cli.outputs import checked
from faket.cli.picking import pick, train
from faket.cli.plan import plan
from faket.cli.reconstruct import reconstruct
from faket.cli.report import report
from faket.cli.score import score
from faket.cli.signals import exit_code, stopping
from faket.cli.status import status
from faket.cli.streams import BROKEN_PIPE, drop_output, open_streams
from faket.cli.study import study
from faket.cli.style import style
from faket.cli.verify import verify
from faket.cli.wording import in_words_of
from faket.errors import InputError, SetAsideError

app = App(
    name="faket",
    help="Labelled cryo-electron tomograms that look like your reference, from molecules.",
    version=lambda: faket.__version__,  # looked up only when it is asked for
    help_format="plaintext",
    # Units keep their case: --voxel-size-A.
    default_parameter=Parameter(name_transform=lambda name: name.replace("_", "-")),
    result_action="return_value",
    suppress_keyboard_interrupt=False,  # `run` says how to go on
)
_DATASETS: tuple[Callable[..., None], ...] = (datasets.demo, datasets.simulate)
_STAGES: tuple[Callable[..., None], ...] = (
    specimens.species,
    specimens.specimen,
    specimens.project,
    specimens.acquire,
    images.noise,
    style,
    reconstruct,
)
_JUDGING: tuple[Callable[..., None], ...] = (compare, train, pick, match, score, study)
_COMMANDS: dict[str, Callable[..., object]] = {
    **{command.__name__: command for command in (*_DATASETS, *_STAGES, *_JUDGING)},
    "verify": verify,
    "inspect": inspect,
    "export": export,
    "report": report,
    "plan": plan,
    "status": status,
}
# What running the same command after an interrupt does; by default it starts from the beginning.
_CONTINUES = "run the same command again to continue; finished parts are kept"
_AFTER_INTERRUPT = {
    **dict.fromkeys(("demo", "simulate", "train", "match", "study", "export"), _CONTINUES),
    "species": "finished molecules are kept; run the command with the others to continue",
}
_GROUPS: dict[Callable[..., object], str] = {
    **dict.fromkeys(_STAGES, "Single stages, from files to files"),
    **dict.fromkeys(_JUDGING, "Pickers and comparisons"),
}
_EVERY: tuple[Callable[..., object], ...] = (
    *_DATASETS, plan, status, export, inspect, *_STAGES, *_JUDGING, verify, report
)  # fmt: skip
for command in _EVERY:
    looked_at = checked(command, on_disk=command in (*_STAGES, inspect))
    app.command(with_log_json(looked_at), group=_GROUPS.get(command))


def run(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; 2 for input that cannot be used."""
    open_streams()
    with speaking(sys.argv[1:] if arguments is None else arguments):
        return _run(arguments)


def _run(arguments: Sequence[str] | None) -> int:
    try:
        with stopping():
            code = app(arguments, exit_on_error=False, print_error=False)
            sys.stdout.flush()
    except InputError as error:
        return _fail(in_words_of(_command(arguments), str(error)), 2)
    except SetAsideError as error:
        return _fail(in_words_of(_command(arguments), str(error)), 1)
    except CycloptsError as error:
        return _fail(str(error), 2)
    except BrokenPipeError:  # `| head`: what was wanted has been read
        drop_output()
        return BROKEN_PIPE
    except OSError as error:
        drop_output()
        where = f"{error.filename}: " if error.filename else ""
        return _fail(f"{where}{error.strerror or error}", 2)
    except MemoryError as error:
        remedy = "work on a smaller volume, or use fewer `workers`"
        message = f"not enough memory: {error}; {remedy}"
        return _fail(in_words_of(_command(arguments), message), 2)
    except KeyboardInterrupt as stop:
        return _fail(f"interrupted; {_after_interrupt(arguments)}", exit_code(stop))
    return code if isinstance(code, int) else 0


def _command(arguments: Sequence[str] | None) -> Callable[..., object] | None:
    words = sys.argv[1:] if arguments is None else arguments
    return _COMMANDS.get(words[0]) if words else None


def _after_interrupt(arguments: Sequence[str] | None) -> str:
    words = sys.argv[1:] if arguments is None else arguments
    starts = "no unfinished file was left; run the same command to start again"
    return _AFTER_INTERRUPT.get(words[0], starts) if words else starts


def _fail(message: str, code: int) -> int:
    failure(" ".join(message.split()), code)
    return code
