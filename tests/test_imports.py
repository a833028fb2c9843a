"""Imports go downwards only, and nothing heavy is imported before it is needed."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import sentiment

PACKAGE = Path(sentiment.__file__).parent
# In the order of imports: a package or module may import itself and those before it.
PACKAGES = ["version", "errors", "stored", "shipped", "measured", "surrogates", "startup", "table_format", "machine",
            "config", "options", "console", "files", "precision", "signals", "pages", "predictions", "lazy", "batching",
            "text", "data", "layers", "architectures", "inference", "explain", "scoring", "losses", "training",
            "evaluation", "artifacts", "tuning", "export", "reports", "run_predictions", "__init__", "serving",
            "benchmark", "runs", "api", "estimator", "cli", "__main__"]
# These import nothing but the modules in GROUND.
ALONE = {"layers", "losses"}
GROUND = {"version", "errors", "config", "console", "files", "machine", "signals", "pages", "predictions"}
FREE_OF_TENSORFLOW = ["predictions.py", "batching", "text/plain_tokenizer.py", "inference/predictor.py",
                      "inference/portable.py", "inference/portable_folder.py", "inference/engines.py",
                      "inference/erasure.py", "serving", "scoring", "layers", "architectures", "losses", "data",
                      "evaluation", "config", "cli"]
LAZY = ["text", "inference", "explain", "training", "artifacts"]


def package_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported_modules(path: Path) -> list[str]:
    names = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names.append(node.module or "")
            if node.module == "sentiment":
                names += [f"sentiment.{alias.name}" for alias in node.names]
    return names


def test_every_package_is_listed() -> None:
    assert {package_of(path) for path in PACKAGE.rglob("*.py")} == set(PACKAGES)


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_go_downwards(path: Path) -> None:
    package = package_of(path)
    if package == "__init__":
        return  # the package's own face imports inference inside a function
    for name in imported_modules(path):
        parts = name.split(".")
        if parts[0] != "sentiment" or len(parts) == 1 or parts[1] == package or parts[1] not in PACKAGES:
            continue
        assert PACKAGES.index(parts[1]) < PACKAGES.index(package), f"{package} imports {parts[1]}, which is above it"
        assert package not in ALONE or parts[1] in GROUND, f"{package} must not import {parts[1]}"


@pytest.mark.parametrize("package", FREE_OF_TENSORFLOW)
def test_packages_that_run_on_every_backend_do_not_import_tensorflow(package: str) -> None:
    paths = [PACKAGE / package] if package.endswith(".py") else sorted((PACKAGE / package).rglob("*.py"))
    for path in paths:
        if "layers/tensorflow/" in path.as_posix():
            continue  # imported by the layers inside functions, on that backend alone
        top_level = ast.parse(path.read_text(encoding="utf-8")).body
        for node in top_level:
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else \
                [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not any(name.split(".")[0] == "tensorflow" for name in names), path


@pytest.mark.parametrize("package", LAZY)
def test_lazy_names_are_found_whichever_module_was_imported_before(package: str) -> None:
    code = (f"import pkgutil, importlib, sys, types, sentiment.{package} as package\n"
            "assert 'tensorflow' not in sys.modules\n"
            "for module in pkgutil.iter_modules(package.__path__, package.__name__ + '.'):\n"
            "    importlib.import_module(module.name)\n"
            "for name in package.__all__:\n"
            "    assert not isinstance(getattr(package, name), types.ModuleType), name\n"
            "assert not hasattr(package, 'other')\n")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_help_does_not_import_what_is_slow() -> None:
    code = ("import sys, sentiment.cli\n"
            "try:\n    sentiment.cli.main(['train', '--help'])\n"
            "except SystemExit:\n    pass\n"
            "slow = {'tensorflow', 'keras', 'numpy', 'pandas', 'sklearn', 'matplotlib'} & set(sys.modules)\n"
            "sys.exit(', '.join(sorted(slow)) or 0)")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
