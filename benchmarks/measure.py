"""Runs a program that prints a line of JSON, and sees how much memory it took."""

import json
import os
import subprocess
import sys
import tempfile
import textwrap


class Refused(Exception):
    """The program ended with an error; says its last word on it."""


def measure(command, env):
    """What the command prints, and its peak of resident memory in MB. `env` is added to the environment."""
    with tempfile.TemporaryFile() as errors:
        child = subprocess.Popen(command, env={**os.environ, **env}, stdout=subprocess.PIPE, stderr=errors)
        with child.stdout:
            output = child.stdout.read()
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode != 0:
            errors.seek(0)
            raise Refused(last_word(errors.read().decode(errors="replace"), child.returncode))
    unit = 1 if sys.platform == "darwin" else 1024  # of ru_maxrss, in bytes
    return json.loads(output), usage.ru_maxrss * unit / 1e6


def last_word(errors, returncode):
    """The line that says what was wrong: the one that begins with `error`, or the last."""
    lines = [line.strip() for line in errors.splitlines() if line.strip()]
    named = [line for line in lines if line.lower().startswith("error")]
    return textwrap.shorten((named or lines[-1:] or [f"ended with {returncode}"])[0], 120)
