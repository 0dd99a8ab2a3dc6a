"""The application itself: what it imports before it knows which command is wanted."""

import json
import subprocess
import sys

# Each takes longer to import than everything that the help needs.
HEAVY = ("matplotlib", "numba", "numpy", "pydantic", "scipy", "torch")
PROGRAM = """
import json, sys
from faket.cli.app import run
code = run({arguments})
print(json.dumps([code, sorted({{name.split(".")[0] for name in sys.modules}})]), file=sys.stderr)
"""


def test_help_imports_nothing_heavy():
    program = PROGRAM.format(arguments=["--help"])
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "tomograms that look like your reference" in done.stdout
    code, modules = json.loads(done.stderr)
    assert code == 0
    assert "rich" in modules  # the list is that of the modules
    assert not set(HEAVY) & set(modules)
