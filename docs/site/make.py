"""The work of `build.py docs`: the pages of docs/ and the API reference as a site."""

import argparse
from pathlib import Path

__all__ = ["make"]


def make(arguments, build):
    parser = argparse.ArgumentParser(
        prog="build.py docs", description="The pages of docs/ and the API reference as a site; a broken link fails"
    )
    parser.add_argument("--out", metavar="DIR", default=str(build.ROOT / "dist" / "docs"), help="default: dist/docs")
    out = Path(parser.parse_args(arguments).out).absolute()
    # Not --quiet: it would also silence the warnings that --strict counts.
    mkdocs = [build.environment("docs"), "-m", "mkdocs", "build", "--strict", "--site-dir", str(out)]
    variables = {"PYTHONDONTWRITEBYTECODE": "1", "NO_MKDOCS_2_WARNING": "1"}  # an advertisement, on every call
    worst = build._run([*mkdocs, "--config-file", str(Path(__file__).with_name("mkdocs.yml"))], variables=variables)
    if worst == 0:
        print(out / "index.html")
    return worst
