# The commands of the house. Without `just`, run what stands in the recipe.

python := env("PYTHON", "python3")

# What there is to run.
default:
    @just --list

# Format, lints, tests, documentation: before every commit.
check:
    .ci/run check

# All that continuous integration runs: check, release build and its size, examples, dependencies.
ci:
    .ci/run

# Apply the format.
fmt:
    cargo fmt --all

# refrain and its peers in turn on this machine: `just bench --quick --peers pytorch` is a short one.
bench *arguments:
    {{ python }} benchmarks/compare.py {{ arguments }}

# Compute the golden files again; needs a Python that has PyTorch, sacreBLEU, seqeval and scikit-learn: `PYTHON=... just golden`.
golden:
    {{ python }} crates/kernels/tests/golden/generate.py
    {{ python }} crates/refrain/tests/golden/metrics.py
