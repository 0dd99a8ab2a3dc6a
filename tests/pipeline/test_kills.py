"""A run that is killed anywhere continues to the same bytes, and leaves nothing of its own."""

import re
import subprocess
import sys
from pathlib import Path

PROGRAM = Path(__file__).with_name("kill_everywhere.py")
STEP = "7"  # 1 by hand: each event takes two runs


def test_killed_at_events_of_the_file_system(tmp_path):
    done = subprocess.run(
        [sys.executable, PROGRAM, tmp_path, STEP], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    events = [int(number) for number in re.findall(r" (\d+)\n", done.stdout)]
    assert len(events) == 2
    assert min(events) > 30
