#!/usr/bin/env python3
"""Pins the packages of the sandbox images anew, in the newest versions that pip finds.

Writes Sources/Sandbox/Images/PinnedPackages.swift: the closure of every image with the SHA-256 of
each wheel, for every Python and machine named below. Needs the network and pip; installs nothing.
Prepare the images after it, and run the tests.
"""

import json
import pathlib
import subprocess
import sys
import tempfile

PYTHONS = ["3.10", "3.11", "3.12", "3.13", "3.14"]
MACHINES = ["x86_64", "aarch64"]
GLIBC = ["_2_28", "_2_27", "_2_24", "2014", "_2_17", "_2_12", "2010", "_2_5", "1"]
IMAGES = {
    "data": ["numpy", "pandas"],
    "test": ["pytest", "hypothesis", "ruff", "bandit", "mypy"],
}
# pip judges markers by the Python that runs it, so what only an older one needs is named here.
BEFORE_311 = {"data": [], "test": ["exceptiongroup", "tomli"]}

HEAD = '''/// The whole closure of what the images install, as pip resolves it, with the SHA-256 of each wheel
/// for CPython 3.10 to 3.14 on glibc Linux, x86-64 and ARM 64.
///
/// Made by `Scripts/pin-images.py`; never edited by hand.
enum PinnedPackages {'''


def resolve(names, python, machine):
    """Yields (name, version, SHA-256) of what pip would install."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "install", "--dry-run", "--quiet"]
        command += ["--target", folder, "--only-binary", ":all:", "--report", "-"]
        command += ["--implementation", "cp", "--python-version", python]
        for libc in GLIBC:
            command += ["--platform", f"manylinux{libc}_{machine}"]
        ran = subprocess.run(command + names, stdout=subprocess.PIPE, check=True)
    for item in json.loads(ran.stdout)["install"]:
        name = item["metadata"]["name"].replace("_", "-").lower()
        digest = item["download_info"]["archive_info"]["hashes"]["sha256"]
        yield name, item["metadata"]["version"], digest


def pins(image, names):
    """Returns {(name, version): ({hashes}, {pythons})}."""
    found = {}
    for python in PYTHONS:
        for machine in MACHINES:
            wanted = names + (BEFORE_311[image] if python == "3.10" else [])
            for name, version, digest in resolve(wanted, python, machine):
                hashes, pythons = found.setdefault((name, version), (set(), set()))
                hashes.add(digest)
                pythons.add(python)
    return found


def range_of(name, pythons):
    if pythons == set(PYTHONS):
        return ".any"
    if pythons == {"3.10"}:
        return ".before311"
    if pythons == set(PYTHONS[1:]):
        return ".from311"
    raise SystemExit(f"{name} has wheels for {sorted(pythons)} only; teach PinnedPackage.Pythons")


def main():
    lines = [HEAD]
    for image, names in IMAGES.items():
        lines.append(f"  static let {image}: [PinnedPackage] = [")
        for (name, version), (hashes, pythons) in sorted(pins(image, names).items()):
            lines.append(
                f'    PinnedPackage(\n      "{name}", "{version}", {range_of(name, pythons)},'
            )
            lines.append("      [")
            # As swift format has it: no comma after a single element.
            comma = "," if len(hashes) > 1 else ""
            lines += [f'        "{digest}"{comma}' for digest in sorted(hashes)]
            lines.append("      ]),")
        lines += ["  ]", ""]
    lines[-1] = "}"
    root = pathlib.Path(__file__).resolve().parent.parent
    target = root / "Sources/Sandbox/Images/PinnedPackages.swift"
    target.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(f"{target} is written", file=sys.stderr)


if __name__ == "__main__":
    main()
