"""Runs a program that prints a line of JSON, and measures its peak memory."""

import json
import os
import subprocess
import sys
import tempfile
import textwrap


class Refused(Exception):
    """The program failed; the message is its error."""


def measure(command, env):
    """The output of the command, and its peak resident memory in MB. `env` is added to the environment."""
    with tempfile.TemporaryFile() as errors:
        child = subprocess.Popen(command, env={**os.environ, **env}, stdout=subprocess.PIPE, stderr=errors)
        with child.stdout:
            output = child.stdout.read()
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode != 0:
            errors.seek(0)
            raise Refused(error_line(errors.read().decode(errors="replace"), child.returncode))
    unit = 1 if sys.platform == "darwin" else 1024  # of ru_maxrss, in bytes
    return json.loads(output), usage.ru_maxrss * unit / 1e6


def error_line(errors, returncode):
    """The line with the error: the first one that starts with `error`, or the last line."""
    lines = [line.strip() for line in errors.splitlines() if line.strip()]
    named = [line for line in lines if line.lower().startswith("error")]
    return textwrap.shorten((named or lines[-1:] or [f"exit code {returncode}"])[0], 120)
