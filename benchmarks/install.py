"""Installs the Python peers into a virtual environment, and builds the Rust programs."""

import json
import subprocess
import sys
from pathlib import Path

# Required modules, and the packages that pip installs if they are missing.
PACKAGES = {
    "pytorch": {"torch": "torch", "numpy": "numpy"},
    "keras": {"tensorflow": "tensorflow-cpu", "keras": "keras"},
    "jax": {"jax": "jax[cpu]", "optax": "optax"},
    "the chart": {"matplotlib": "matplotlib"},
}
MISSING = "import sys, importlib.util as u; print(*[m for m in sys.argv[1:] if u.find_spec(m) is None])"


def environment(venv, peers):
    """The Python of the environment, with the selected peers and the library for the chart installed."""
    python = venv / "bin/python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
    needed = {module: package for user in (*peers, "the chart") for module, package in PACKAGES.get(user, {}).items()}
    found = subprocess.run([python, "-c", MISSING, *needed], check=True, stdout=subprocess.PIPE, text=True)
    missing = [needed[module] for module in found.stdout.split()]
    if missing:
        subprocess.run([python, "-m", "pip", "install", *missing], check=True)
    return str(python)


def build(root, target, peers):
    """Paths of the built programs by name: refrain, and the peers that are Cargo projects."""
    cargo = ["cargo", "build", "--release", "--locked"]
    subprocess.run([*cargo, "--package", "refrain-cli", "--target-dir", str(target)], cwd=root, check=True)
    programs = {"refrain": str(target / "release/refrain")}
    for peer in peers:
        project = root / "benchmarks/peers" / peer
        if project.is_dir():
            subprocess.run([*cargo, "--target-dir", str(target / "peers")], cwd=project, check=True)
            programs[peer] = str(target / f"peers/release/{peer}-peer")
    return programs


def locked_version(project, package):
    """The version of a package in the Cargo.lock of a project."""
    lines = (Path(project) / "Cargo.lock").read_text(encoding="utf-8").splitlines()
    return json.loads(lines[lines.index(f'name = "{package}"') + 1].removeprefix("version = "))
