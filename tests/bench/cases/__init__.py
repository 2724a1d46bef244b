"""What several benchmarks measure on; no benchmark of its own. Importing it makes the checkout the package gid_dev."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import conftest  # noqa: F401
