"""The files around the code agree with one another."""

import os
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

import xpnet

ROOT = Path(__file__).parents[1]
SCRIPTS = sorted((ROOT / "ci").iterdir())
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
VERBS = {
    "bench", "build", "conformance", "contracts", "examples", "gpu", "lint", "mutate",
    "setup", "test", "types",
}  # fmt: skip


def text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def commands_of_readme() -> list[str]:
    blocks = re.findall(r"^```sh\n(.*?)^```$", text("README.md"), re.DOTALL | re.M)
    return [line for block in blocks for line in block.splitlines()]


def test_ci_runs_exactly_the_commands_of_the_readme():
    in_ci = re.findall(r"^\w+='(python3 -m venv .*)'$", text(".ci/run"), re.MULTILINE)
    assert len(in_ci) == 2
    assert commands_of_readme() == in_ci


def test_setup_is_the_first_half_of_the_readme_command():
    setup = text("ci/setup").splitlines()[-1]
    assert commands_of_readme()[1].startswith(f"{setup} && ")


def test_there_is_one_script_per_verb_and_contributing_lists_each():
    assert {path.name for path in SCRIPTS} == VERBS
    listed = re.findall(r"^\| `ci/(\w+)` \|", text("CONTRIBUTING.md"), re.MULTILINE)
    assert sorted(listed) == sorted(VERBS)


@pytest.mark.parametrize(
    "path", [*SCRIPTS, ROOT / ".ci" / "run"], ids=lambda path: path.name
)
def test_each_script_is_strict_executable_and_says_what_it_does(path):
    shebang, comment, strict, *_ = path.read_text(encoding="utf-8").splitlines()
    assert shebang == "#!/usr/bin/env bash"
    assert re.match(r"# [A-Z].*\.$", comment)
    assert strict == "set -euo pipefail"
    assert os.access(path, os.X_OK)
    subprocess.run(["bash", "-n", str(path)], check=True)


def test_the_extra_all_names_every_extra_that_runs_on_a_cpu():
    extras = PROJECT["optional-dependencies"]
    (inside,) = re.findall(r"^xpnet\[(.*)\]$", *extras["all"])
    not_for_all = {"all", "browser", "cuda", "cuda13", "dev", "test"}
    assert sorted(inside.split(",")) == sorted(set(extras) - not_for_all)


def test_the_readme_names_only_extras_that_exist():
    named = set(re.findall(r'pip install[^&]*"\.\[(\w+)\]"', text("README.md")))
    named |= set(re.findall(r"extra `(\w+)`", text("README.md")))
    assert named
    assert named <= set(PROJECT["optional-dependencies"])


def test_links_of_the_readme_to_files_lead_somewhere():
    targets = re.findall(r"\]\((?!https?:)([^)#]+)\)", text("README.md"))
    assert targets
    assert [target for target in targets if not (ROOT / target).exists()] == []


def test_the_changelog_knows_this_version():
    assert xpnet.__version__ in text("CHANGELOG.md")


def test_the_licence_is_the_one_that_is_declared():
    assert PROJECT["license"] == "BSD-3-Clause"
    assert text("LICENSE").startswith("BSD 3-Clause License\n")


def test_the_default_install_brings_no_compiled_package_but_numpy_and_safetensors():
    """Walk the requirements of what is installed; extras do not count."""
    import importlib.metadata as metadata

    from packaging.requirements import Requirement

    compiled, seen = set(), set()
    queue = [Requirement(text).name for text in PROJECT["dependencies"]]
    while queue:
        name = queue.pop().lower().replace("_", "-")
        if name in seen:
            continue
        seen.add(name)
        found = metadata.distribution(name)
        if any(str(file).endswith((".so", ".pyd")) for file in found.files or []):
            compiled.add(name)
        for text in found.requires or []:
            needed = Requirement(text)
            if needed.marker is None or needed.marker.evaluate({"extra": ""}):
                queue.append(needed.name)
    assert compiled == {"numpy", "safetensors"}
