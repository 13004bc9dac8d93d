"""What importing xpnet costs and loads, and who imports the package root."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

import xpnet

PACKAGE = Path(xpnet.__file__).parent

# Required or optional, none of these may load before it is used.
LAZY = """
    IPython array_api_strict click cupy cupy_backends cupyx einops hypothesis jax
    matplotlib mpi4py mpmath onnx onnxruntime pandas PIL pooch pytest rich safetensors
    scipy sklearn starlette tensorflow torch tqdm typer uvicorn websockets
""".split()

# Seconds that `import xpnet` may take after `import numpy`.
BUDGET = 0.15

# The parts at the top use xpnet as a user does; the root may name itself.
MAY_IMPORT_ROOT = {"__main__", "cli", "estimators", "lab", "learn"}


def python(code: str) -> str:
    """Run code in a new interpreter with the same xpnet; return what it prints."""
    path = [str(PACKAGE.parent), os.environ.get("PYTHONPATH", "")]
    env = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, path))}
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        check=False,
        env=env,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_import_loads_no_package_before_it_is_used():
    # What loads with the interpreter itself (through a .pth file) is not our doing.
    code = """
        import sys
        before = set(sys.modules)
        import xpnet
        print(*sorted({name.partition(".")[0] for name in set(sys.modules) - before}))
    """
    loaded = set(python("\n".join(line.strip() for line in code.splitlines())).split())
    assert "xpnet" in loaded
    assert sorted(loaded & set(LAZY)) == []


def test_import_prints_and_warns_nothing():
    code = "import warnings; warnings.simplefilter('error'); import xpnet"
    assert python(code) == ""


def test_import_stays_within_its_time_budget():
    code = (
        "import numpy, time; start = time.perf_counter(); import xpnet; "
        "print(time.perf_counter() - start)"
    )
    # The least of several runs: the first compiles, and others share the machine.
    best = float("inf")
    for _ in range(9):
        best = min(best, float(python(code)))
        if best <= BUDGET:
            return
    pytest.fail(f"import xpnet takes {best:.3f} s after numpy; the budget is {BUDGET}")


def root_imports(path: Path) -> list[str]:
    """Imports in one file that take the package root, or a name of its public face.

    `from xpnet import trees` names a module, and is not one of them.
    """
    package = ("xpnet", *path.relative_to(PACKAGE).parts[:-1])
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            bad = any(alias.name == "xpnet" for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            module = ".".join([*base, *filter(None, [node.module])])
            bad = module == "xpnet" and not all(is_module(a.name) for a in node.names)
        else:
            continue
        if bad:
            found.append(f"{path.name}:{node.lineno}: {ast.unparse(node)}")
    return found


def is_module(name: str) -> bool:
    """Whether xpnet.name is a file or a folder of the package."""
    return (PACKAGE / f"{name}.py").exists() or (PACKAGE / name).is_dir()


INSIDE = [
    path
    for path in sorted(PACKAGE.rglob("*.py"))
    if path.relative_to(PACKAGE).parts[0].removesuffix(".py") not in MAY_IMPORT_ROOT
    and path != PACKAGE / "__init__.py"
]


@pytest.mark.parametrize(
    "path", INSIDE, ids=lambda path: path.relative_to(PACKAGE).as_posix()
)
def test_nothing_inside_imports_the_package_root(path):
    assert root_imports(path) == []
