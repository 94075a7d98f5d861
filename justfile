# Common commands. Without `just`, run the lines of a recipe by hand.

python := env("PYTHON", "python3")

# List all recipes.
default:
    @just --list

# Check format, lints, tests and documentation: run this before every commit.
check:
    .ci/run check

# Run everything that continuous integration runs: check, release build and its size, examples, dependencies.
ci:
    .ci/run

# Format the code.
fmt:
    cargo fmt --all

# Compare refrain with other frameworks on this machine; short: `just bench --quick --peers pytorch`.
bench *arguments:
    {{ python }} benchmarks/compare.py {{ arguments }}

# Recompute the golden files; needs a Python with PyTorch, sacreBLEU, seqeval and scikit-learn: `PYTHON=... just golden`.
golden:
    {{ python }} crates/kernels/tests/golden/generate.py
    {{ python }} crates/refrain/tests/golden/metrics.py
